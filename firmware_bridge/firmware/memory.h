/* What the pen remembers without power: how often it was started, and its totals (P-14, P-15).
 *
 * SPDX-License-Identifier: MIT-0
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdint.h>

struct totals {
    uint32_t passes;
    uint32_t strokes;
};

/* Reads what was kept, counts this start, and returns when that is kept, too: nothing may be sent before, or a start
 * could be heard whose number the next one repeats. Returns the boot counter. `*works` is 0 when no byte can be kept
 * any more; then the number is a random one. */
uint16_t memory_start(struct totals *totals, uint8_t *works);

/* Where the totals are now. They outlive a watchdog reset from here. */
void memory_note(const struct totals *totals);

/* Keep the totals over power-off, a byte at a time, from `memory_step`. */
void memory_save(void);

/* One step of what is to be kept. Never waits. */
void memory_step(void);

#endif
