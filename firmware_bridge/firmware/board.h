/* What the pen needs of a board, and nothing of how the board does it. Another controller: write another board_*.c.
 *
 * SPDX-License-Identifier: MIT-0
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

enum { IN_CONTACT = 1, IN_BUTTON = 2 }; /* inputs of a tick: the skin is touched, the pass button is down */

enum { STARTED_BY_POWER, STARTED_BY_RESET, STARTED_BY_WATCHDOG, STARTED_BY_BROWN_OUT };

/* What the board saw at one sample time. One is taken every PERIOD_US, motor on or off, by interrupt. */
struct tick {
    uint32_t t_us;        /* the sample time, of the pen's clock */
    uint32_t stroke_us;   /* when the newest stroke was */
    uint32_t interval_us; /* between the two newest strokes; 0xFFFFFFFF when no two are near */
    uint16_t strokes;     /* since the start, modulo 65536 */
    uint16_t dial;        /* counts, 0 to 1023 */
    uint8_t inputs;
};

/* Why the pen started; known before `board_start`. */
uint8_t board_started_by(void);

/* A number that is another one at every start, as far as the board can: what memory held when power came. */
uint16_t board_noise(void);

void board_start(void);

/* The oldest tick that was not yet taken; 0 when there is none. A tick for which there was no room is gone: the times
 * show it. */
int board_tick(struct tick *tick);

uint32_t board_now_us(void);

/* Whether so many bytes can be sent without waiting, with so much room left besides. */
int board_has_room(uint16_t bytes, uint16_t left);
void board_send(const uint8_t *bytes, uint16_t n); /* only after board_has_room; returns at once */

/* The next byte that was received; 0 when there is none. */
int board_heard(uint8_t *byte);

/* The main loop is alive. Without this for 250 ms the board starts anew. */
void board_alive(void);

/* Sleeps until something happens. */
void board_rest(void);

/* Bytes that outlive power. `board_keep` begins to write one and returns; only when `board_keeper_ready`. */
int board_keeper_ready(void);
void board_keep(uint16_t at, uint8_t byte);
uint8_t board_kept(uint16_t at);

#endif
