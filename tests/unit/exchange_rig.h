/*
 * An exchange between clients and a guest, both played by the test. One for
 * each test program.
 */
#ifndef TESTS_UNIT_EXCHANGE_RIG_H
#define TESTS_UNIT_EXCHANGE_RIG_H

#include "tests/unit/console_guest.h"
#include "vmm/door.h"
#include "vmm/exchange.h"

/** xr_guest - Its port 0 is the exchange's */
extern struct console_guest xr_guest;

/** xr_exchange - The exchange */
extern struct exchange xr_exchange;

/** xr_door - By which clients come */
extern struct door xr_door;

/** xr_set_up() - Make all, in a directory of its own */
void xr_set_up(void);

/** xr_tear_down() - Release all */
void xr_tear_down(void);

/** xr_client() - Connect another client; its end of the connection */
int xr_client(void);

/** xr_asking() - Connect one that asks for a command */
int xr_asking(void);

/** xr_running() - Connect one whose command runs, and hear so */
int xr_running(unsigned int session);

/** xr_client_says() - A client sends a frame, and the exchange gets it */
void xr_client_says(int fd, struct frame head, const void *payload);

/** xr_guest_says() - The guest sends a frame, and the exchange gets it */
void xr_guest_says(struct frame head, const void *payload);

/** xr_guest_hears() - The next frame for the guest; type 0: there is none */
struct frame xr_guest_hears(void);

/** xr_client_hears() - The next frame for a client; type 0: there is none, 255:
 *			 its connection was closed
 */
struct frame xr_client_hears(int fd);

/** xr_payload() - Of the frame that was heard last */
const char *xr_payload(void);

#endif /* TESTS_UNIT_EXCHANGE_RIG_H */
