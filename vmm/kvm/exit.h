/*
 * What the exits of a processor mean.
 */
#ifndef VMM_KVM_EXIT_H
#define VMM_KVM_EXIT_H

#include <stdbool.h>

struct vcpu;

/**
 * exit_handle() - Do what the guest left KVM_RUN for
 * @vcpu:	Processor; on its own thread, KVM_RUN just returned 0
 *
 * Return: false if the processor cannot go on; its owner was told why
 */
bool exit_handle(struct vcpu *vcpu);

#endif /* VMM_KVM_EXIT_H */
