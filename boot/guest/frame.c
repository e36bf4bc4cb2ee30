/*
 * Frames: what is one, and cutting them out of bytes.
 */
#include "boot/guest/frame.h"

#include <errno.h>
#include <string.h>

/* The streams that a frame may be about, as bits; NONE: it is about none. */
enum {
	NONE = 0,
	IN = BIT(0),
	OUT = BIT(1) | BIT(2),
};

/* By type: who may send it about what, how long its payload may be, and its
 * largest value.
 */
static const struct {
	bool by[FRAME_NUM_SENDERS];
	unsigned int streams[FRAME_NUM_SENDERS];
	uint32_t min_len;
	uint32_t max_len;
	uint32_t max_value;
} rows[] = {
	[FRAME_OPEN] = {{true, false}, {NONE, NONE}, 1, FRAME_MAX_REQUEST, 0},
	[FRAME_STARTED] = {{false, true}, {NONE, NONE}, 0, 0, 0},
	[FRAME_FAILED] = {{false, true}, {NONE, NONE}, 1, FRAME_MAX_TEXT, 127},
	[FRAME_DATA] = {{true, true}, {IN, OUT}, 1, FRAME_MAX_DATA, 0},
	[FRAME_END] = {{true, true}, {IN | OUT, IN | OUT}, 0, 0, 0},
	[FRAME_CREDIT] = {{true, true}, {OUT, IN}, 0, 0, FRAME_WINDOW_LEN},
	[FRAME_SIGNAL] = {{true, false}, {NONE, NONE}, 0, 0, 63},
	[FRAME_SIGNAL_GROUP] = {{true, false}, {NONE, NONE}, 0, 0, 63},
	[FRAME_WINDOW] = {{true, false}, {NONE, NONE}, 0, 0, UINT32_MAX},
	[FRAME_CLOSE] = {{true, false}, {NONE, NONE}, 0, 0, 0},
	[FRAME_ENDED] = {{false, true}, {NONE, NONE}, 0, 0, 255},
};
static_assert(ARRAY_SIZE(rows) == FRAME_NUM_TYPES, "a row for each");

bool frame_is_valid(const struct frame *head, enum frame_sender sender)
{
	unsigned int streams;

	if (head->type >= FRAME_NUM_TYPES || !rows[head->type].by[sender] ||
	    head->session >= FRAME_SESSIONS || head->stream >= FRAME_STREAMS)
		return false;
	streams = rows[head->type].streams[sender];
	if (streams ? !(streams & BIT(head->stream)) : head->stream)
		return false;
	return head->len >= rows[head->type].min_len &&
	       head->len <= rows[head->type].max_len &&
	       head->value <= rows[head->type].max_value;
}

ssize_t frame_read(struct frame_reader *reader, enum frame_sender sender,
		   const char *bytes, size_t len, bool *whole)
{
	const size_t head_len = sizeof(reader->head);
	size_t taken = 0, n;

	*whole = false;
	if (reader->have >= head_len &&
	    reader->have == head_len + reader->head.len)
		reader->have = 0;
	if (reader->have < head_len) {
		taken = MIN(len, head_len - reader->have);
		memcpy((char *)&reader->head + reader->have, bytes, taken);
		reader->have += taken;
		if (reader->have < head_len)
			return (ssize_t)taken;
		if (!frame_is_valid(&reader->head, sender))
			return -EPROTO;
	}
	n = MIN(len - taken, head_len + reader->head.len - reader->have);
	memcpy(reader->payload + (reader->have - head_len), bytes + taken, n);
	reader->have += n;
	*whole = reader->have == head_len + reader->head.len;
	return (ssize_t)(taken + n);
}

void frame_begin(struct frame_writer *writer, struct frame head)
{
	writer->head = head;
	writer->done = 0;
	writer->len = sizeof(head) + head.len;
}

const char *frame_rest(const struct frame_writer *writer, size_t *len)
{
	*len = writer->len - writer->done;
	return (const char *)writer + writer->done;
}
