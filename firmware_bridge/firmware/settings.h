/* What differs from one pen to the next. Set them on make's command line or here, before the pen is flashed.
 *
 * Units stand in the names. The dial is a potentiometer between two resistors, so that a broken wire reads outside of
 * what the dial can reach (docs/firmware.md).
 *
 * SPDX-License-Identifier: MIT-0
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "pen_frames.h"

/* --- who the pen is (make MODE=... SERIAL=... CALIBRATION=... CARTRIDGE=...) --- */

#ifndef MODE
#error "say what the pen is for: -DMODE=PEN_TEST on a bench, -DMODE=PEN_REAL when it may be on skin (make MODE=test)"
#endif
#ifndef SERIAL
#define SERIAL "" /* every pen its own: a host knows a pen by model and serial */
#endif
#ifndef CALIBRATION
#define CALIBRATION ""
#endif
#ifndef CARTRIDGE
#define CARTRIDGE ""
#endif
#define MODEL "Reference board"
#define FIRMWARE "1.0"

_Static_assert(MODE == PEN_TEST || MODE == PEN_REAL, "MODE is PEN_TEST or PEN_REAL");
_Static_assert(sizeof SERIAL <= PEN_MAX_TEXT + 1, "SERIAL has more than 32 characters");
_Static_assert(sizeof CALIBRATION <= PEN_MAX_TEXT + 1, "CALIBRATION has more than 32 characters");
_Static_assert(sizeof CARTRIDGE <= PEN_MAX_TEXT + 1, "CARTRIDGE has more than 32 characters");

/* --- the line --- */

#ifndef BAUD
#define BAUD 115200ul
#endif

/* --- time --- */

#define PERIOD_US 5000u          /* from one sample to the next */
#define SAMPLES_PER_FRAME 4u     /* 20 ms (P-11) */
#define HEARTBEAT_US 1000000ul   /* P-17 */
#define IDENTITY_US 5000000ul    /* P-19 */
#define ANSWER_US 100000ul       /* not more often than this, however often it is asked */
#define SAVE_US 60000000ul       /* how often the totals are kept while the motor runs */

/* --- hall sensor --- */

#define STROKE_MIN_US 1000u      /* nearer than this, two edges are one stroke: 1000 strokes a second are out of reach */
#define MOTOR_GONE_US 250000ul   /* without a stroke for this long the motor is off */

/* --- dial --- */

#define DIAL_FULL_UM 2500ul
#define DIAL_STEP_UM 50u
#define DIAL_SLACK_UM 37u        /* it has been turned when it is more than this away from where it was */
#define DIAL_TURN_US 50000ul     /* not more often than this, however fast it is turned */
#define DIAL_ZERO_COUNT 102u     /* of 1023: 0.5 V of 5 V */
#define DIAL_FULL_COUNT 921u     /* 4.5 V */
#define DIAL_BROKEN_BELOW 51u    /* 0.25 V: wiper or supply side open, the pull-down has it */
#define DIAL_BROKEN_ABOVE 972u   /* 4.75 V: ground side open */

/* --- button --- */

#define BUTTON_TICKS 4u          /* so many samples alike (20 ms) are no bounce */

#endif
