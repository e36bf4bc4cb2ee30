/*
 * Children whose numbers are not those of the others (pid_namespaces(7)).
 */
#ifndef TESTS_UNIT_PIDS_H
#define TESTS_UNIT_PIDS_H

/**
 * pids_leave() - From now on our children have numbers of their own
 *
 * Return: a descriptor for pids_return(), or -1: only root may
 */
int pids_leave(void);

/**
 * pids_return() - Children are as before; what runs at our end, as sanitizers
 *		   do, starts some
 * @fd:		Of pids_leave(); closed
 */
void pids_return(int fd);

#endif /* TESTS_UNIT_PIDS_H */
