/* Boot counter and totals, in a ring of records in the EEPROM.
 *
 * Every record is whole or it is none: number, totals, boot and a check over them. A new one goes where the oldest
 * stood, so one that was torn by a power cut costs nothing but itself, and the newest whole one holds. 64 places of
 * 100,000 writes each are enough for 1,700 records a day in ten years.
 *
 * SPDX-License-Identifier: MIT-0
 */
#include <util/crc16.h>

#include "board.h"
#include "memory.h"

#define PLACES 64u
#define TRIES 8u /* places that may be worn out, one after another; each takes 55 ms at the start */

struct record {
    uint32_t number; /* counts records; its place is number % PLACES */
    struct totals totals;
    uint16_t boot;
    uint16_t check;
};

union bytes {
    struct record record;
    uint8_t byte[sizeof(struct record)];
};

_Static_assert(sizeof(struct record) * PLACES == 1024, "the EEPROM has 1024 bytes");

#define CHECKED (sizeof(struct record) - sizeof(uint16_t))

static union bytes newest; /* the one that holds, and what the next one is made of */
static uint8_t step = sizeof(struct record), wanted; /* bytes of it that are kept; another one is wanted */

static struct {
    struct totals totals;
    uint32_t check;
} noted __attribute__((section(".noinit")));

static uint32_t noted_check(void)
{
    return ~(noted.totals.passes ^ (noted.totals.strokes << 16 | noted.totals.strokes >> 16));
}

static uint16_t check_of(const union bytes *bytes)
{
    uint16_t check = 0xFFFF;
    uint8_t i;
    for (i = 0; i < CHECKED; i++)
        check = _crc_ccitt_update(check, bytes->byte[i]);
    return check;
}

static uint16_t place_of(uint32_t number)
{
    return (uint16_t)(number % PLACES * sizeof(struct record));
}

static void read(uint16_t place, union bytes *bytes)
{
    uint8_t i;
    for (i = 0; i < sizeof bytes->byte; i++)
        bytes->byte[i] = board_kept((uint16_t)(place + i));
}

/* The newest whole record into `newest`; 0 when there is none. */
static uint8_t find(void)
{
    union bytes found;
    uint8_t i, any = 0;
    for (i = 0; i < PLACES; i++) {
        uint16_t place = (uint16_t)(i * sizeof(struct record));
        read(place, &found);
        if (check_of(&found) != found.record.check || place_of(found.record.number) != place)
            continue;
        if (!any || found.record.number > newest.record.number)
            newest = found;
        any = 1;
    }
    return any;
}

/* Keeps `newest` under the next number and reads it back; 0 when it is not there. */
static uint8_t keep(void)
{
    union bytes there;
    uint8_t i;
    newest.record.number++;
    newest.record.check = check_of(&newest);
    for (i = 0; i < sizeof newest.byte; i++) {
        while (!board_keeper_ready())
            ;
        board_alive();
        board_keep((uint16_t)(place_of(newest.record.number) + i), newest.byte[i]);
    }
    while (!board_keeper_ready())
        ;
    read(place_of(newest.record.number), &there);
    for (i = 0; i < sizeof there.byte; i++)
        if (there.byte[i] != newest.byte[i])
            return 0;
    return 1;
}

uint16_t memory_start(struct totals *totals, uint8_t *works)
{
    uint16_t noise = board_noise();
    uint8_t tries;
    if (find())
        newest.record.boot++;
    else
        newest.record.boot = noise; /* a new pen, or one whose EEPROM was erased: anything but the same again */
    if (board_started_by() == STARTED_BY_WATCHDOG && noted.check == noted_check())
        newest.record.totals = noted.totals;
    *totals = newest.record.totals;
    *works = 0;
    for (tries = 0; tries < TRIES && !*works; tries++)
        *works = keep();
    return *works ? newest.record.boot : noise;
}

void memory_note(const struct totals *totals)
{
    noted.totals = *totals;
    noted.check = noted_check();
}

void memory_save(void)
{
    wanted = 1;
}

void memory_step(void)
{
    if (!board_keeper_ready())
        return;
    if (step < sizeof newest.byte) {
        board_keep((uint16_t)(place_of(newest.record.number) + step), newest.byte[step]);
        step++;
    } else if (wanted) {
        wanted = step = 0;
        newest.record.totals = noted.totals;
        newest.record.number++;
        newest.record.check = check_of(&newest);
    }
}
