/*
 * Shared metadata versions: the table.
 */
#include "devices/fs/versions.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

static_assert(sizeof(_Atomic uint64_t) == 8, "as the guest has it");

#define HOT (UINT64_C(1) << VERSIONS_HOT_SHIFT)

/* The first server chooses; all others take what it chose. */
static int find_seed(struct versions *v)
{
	uint64_t seed, chosen = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	seed |= 1;
	if (!atomic_compare_exchange_strong(&v->own->seed, &chosen, seed))
		seed = chosen;
	v->seed = seed;
	return 0;
}

int versions_init(struct versions *v, int fd)
{
	struct stat st;

	*v = (struct versions){0};
	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < VERSIONS_FILE_LEN)
		return -EINVAL;
	v->map = mmap(NULL, VERSIONS_FILE_LEN, PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (v->map == MAP_FAILED) {
		v->map = NULL;
		return -errno;
	}
	v->count = v->map;
	v->own = (void *)((char *)v->map + VERSIONS_LEN);
	return find_seed(v);
}

int versions_show(const struct versions *v, void *at)
{
	/* From a length of zero, it is one more of the same pages. */
	if (mremap(v->map, 0, VERSIONS_LEN, MREMAP_MAYMOVE | MREMAP_FIXED,
		   at) == MAP_FAILED ||
	    mprotect(at, VERSIONS_LEN, PROT_READ))
		return -errno;
	return 0;
}

void versions_destroy(struct versions *v)
{
	if (v->map)
		munmap(v->map, VERSIONS_FILE_LEN);
	v->map = NULL;
}

/** struct sip - State of SipHash, in the paper's words */
struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static void sip_take(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

uint64_t versions_hash(uint64_t key0, uint64_t key1, const void *data,
		       size_t len)
{
	struct sip s = {
		key0 ^ 0x736f6d6570736575,
		key1 ^ 0x646f72616e646f6d,
		key0 ^ 0x6c7967656e657261,
		key1 ^ 0x7465646279746573,
	};
	const char *at = data;
	uint64_t last = (uint64_t)len << 56;
	uint64_t word;

	for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sip_take(&s, word);
	}
	word = 0;
	memcpy(&word, at, len);
	sip_take(&s, last | word);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t versions_key(const struct versions *v, int32_t type,
		      const void *handle, size_t len)
{
	uint64_t key = versions_hash(v->seed, (uint32_t)type, handle, len);

	return key ? key : 1;
}

uint32_t versions_entry(const struct versions *v, uint64_t key,
			const char *name)
{
	uint64_t hash = versions_hash(v->seed, key, name, strlen(name));

	return key ? 1 + hash % (VERSIONS_CNT - 1) : 0;
}

uint32_t versions_attr(const struct versions *v, uint64_t key)
{
	/* No name is empty. */
	return versions_entry(v, key, "");
}

uint64_t versions_read(const struct versions *v, uint32_t idx)
{
	if (!idx)
		return 0;
	/* Partner: add(), by whoever changes the fact after it was read. */
	return atomic_load_explicit(&v->count[0], memory_order_acquire) +
	       atomic_load_explicit(&v->count[idx], memory_order_acquire);
}

uint64_t versions_changes(const struct versions *v)
{
	return atomic_load(&v->own->change_cnt);
}

/* Partners: versions_read(), versions_changes() and the guest. */
static void add(const struct versions *v, uint32_t idx, uint64_t delta)
{
	atomic_fetch_add(&v->own->change_cnt, 1);
	atomic_fetch_add(&v->count[idx], delta);
}

void versions_bump(const struct versions *v, uint32_t idx)
{
	if (idx)
		add(v, idx, 1);
}

void versions_bump_all(const struct versions *v)
{
	add(v, 0, 1);
}

void versions_heat(const struct versions *v, uint32_t idx)
{
	if (idx)
		add(v, idx, HOT);
}

void versions_cool(const struct versions *v, uint32_t idx)
{
	if (idx)
		add(v, idx, 1 - HOT);
}
