/* The pen: what its ticks mean, and which frame it sends when. Numbers P-01 and so on are rules of docs/protocol.md.
 *
 * Nothing here waits. A frame for which the line has no room is left out whole; its samples are numbered all the same
 * (P-13). Events, identity and heartbeat keep a reserve of that room, so samples are what is left out.
 *
 * SPDX-License-Identifier: MIT-0
 */
#include "board.h"
#include "memory.h"
#include "settings.h"

/* Numbers of our own in a `pen fault` event. */
enum {
    FAULT_WATCHDOG = 1,  /* the program hung and was started anew */
    FAULT_BROWN_OUT = 2, /* the supply sagged */
    FAULT_MEMORY = 3,    /* boot counter and totals are not kept any more */
    FAULT_DIAL = 4       /* the dial is not connected: a wire is broken */
};

#define RESERVE 80u /* bytes of room on the line that samples leave to the other frames */
#define NOWHERE 0xFFFFu
#define DIAL_SMOOTH 8u /* ticks over which the dial is averaged */

static uint8_t frame[192]; /* the longest we send is an identity: 19 + 25 + 3 * 32 + 7 bytes */
static struct pen_head head = {MODE, 0, 0, 0, 0};
static struct pen_slow slow = {PEN_HAS_PASSES | PEN_HAS_STROKES, 0, 0, 0};
static struct totals totals;

static uint32_t next_seq;           /* of the next sample that is taken */
static uint32_t expected_us;        /* when the next tick is due */
static uint16_t strokes_seen;       /* of the board's, at the last tick */
static uint32_t heartbeat_us, identity_us, answered_us, saved_us; /* when each was last */
static uint8_t asked;
static uint16_t dial_sum;
static uint16_t dial_um = NOWHERE;
static uint32_t turned_us;
static uint8_t dial_broken;
static uint8_t button_down = 1, button_ticks; /* held while the pen starts it is no new pass: it has to be seen up */

/* The samples that are not yet sent; `block_us` is when the first of them was taken. */
static uint16_t frequencies_dhz[SAMPLES_PER_FRAME];
static uint8_t contacts;
static uint8_t n_samples;
static uint32_t block_us;

/* --- frames ------------------------------------------------------------------------------------------------------- */

static uint8_t send(size_t n, uint16_t reserve)
{
    if (!n || !board_has_room((uint16_t)n, reserve))
        return 0;
    board_send(frame, (uint16_t)n);
    return 1;
}

/* The head of a frame: nothing on the line may run ahead of the next sample that the host will see (P-12). */
static const struct pen_head *head_at(uint32_t t_us)
{
    head.seq = next_seq - n_samples;
    head.t_us = t_us;
    return &head;
}

static void send_samples(void)
{
    struct pen_columns columns = {PERIOD_US, 0, 0, 0, frequencies_dhz, &contacts};
    if (!n_samples)
        return;
    columns.n = n_samples;
    slow.passes = totals.passes;
    slow.strokes = totals.strokes;
    send(pen_samples(frame, sizeof frame, head_at(block_us), &slow, &columns), RESERVE);
    n_samples = contacts = 0;
}

static void send_event(uint32_t t_us, uint8_t code, uint32_t value)
{
    send(pen_event(frame, sizeof frame, head_at(t_us), code, value), 0);
}

static uint8_t send_identity(void)
{
    static const struct pen_identity_texts texts = {MODEL, SERIAL, FIRMWARE, CALIBRATION, CARTRIDGE};
    return send(pen_identity(frame, sizeof frame, head_at(board_now_us()), &texts), 0);
}

static uint8_t send_heartbeat(void)
{
    slow.passes = totals.passes;
    slow.strokes = totals.strokes;
    return send(pen_heartbeat(frame, sizeof frame, head_at(board_now_us()), &slow), 0);
}

/* --- what a tick means -------------------------------------------------------------------------------------------- */

/* The dial in steps of DIAL_STEP_UM. It stays where it was until it is clearly elsewhere: an event is a turn, no noise.
 * Samples that were taken before the turn are sent with the setting they were taken under. */
static void read_dial(const struct tick *tick)
{
    uint16_t count, um;
    dial_sum = (uint16_t)(dial_sum - dial_sum / DIAL_SMOOTH + tick->dial);
    count = dial_sum / DIAL_SMOOTH;
    if (tick->dial < DIAL_BROKEN_BELOW || tick->dial > DIAL_BROKEN_ABOVE) {
        if (dial_um != NOWHERE || !dial_broken) {
            send_samples();
            dial_um = NOWHERE;
            dial_broken = 1;
            slow.has &= (uint16_t)~PEN_HAS_SET;
            send_event(tick->t_us, PEN_FAULT, FAULT_DIAL);
        }
        return;
    }
    if (turned_us && tick->t_us - turned_us < DIAL_TURN_US)
        return;
    if (dial_um == NOWHERE) {
        dial_sum = (uint16_t)(tick->dial * DIAL_SMOOTH);
        count = tick->dial;
    }
    count = count < DIAL_ZERO_COUNT ? DIAL_ZERO_COUNT : count > DIAL_FULL_COUNT ? DIAL_FULL_COUNT : count;
    um = (uint16_t)((count - DIAL_ZERO_COUNT) * DIAL_FULL_UM / (DIAL_FULL_COUNT - DIAL_ZERO_COUNT));
    if (dial_um == NOWHERE || um > dial_um + DIAL_SLACK_UM || um + DIAL_SLACK_UM < dial_um) {
        uint8_t turned = dial_um != NOWHERE || dial_broken;
        send_samples();
        dial_um = (uint16_t)((um + DIAL_STEP_UM / 2u) / DIAL_STEP_UM * DIAL_STEP_UM);
        dial_broken = 0;
        turned_us = tick->t_us;
        slow.depth_set_um = dial_um;
        slow.has |= PEN_HAS_SET;
        if (turned)
            send_event(tick->t_us, PEN_DIAL_TURNED, dial_um);
    }
}

static void read_button(const struct tick *tick)
{
    uint8_t down = (tick->inputs & IN_BUTTON) != 0;
    if (down == button_down) {
        button_ticks = 0;
    } else if (++button_ticks == BUTTON_TICKS) {
        button_down = down;
        button_ticks = 0;
        if (down) {
            send_samples();
            totals.passes++;
            send_event(tick->t_us, PEN_PASS_BUTTON, totals.passes);
            memory_save();
        }
    }
}

/* The motor is on when two strokes follow each other soon enough, and off when none has come for as long. */
static void read_motor(const struct tick *tick, uint16_t new_strokes)
{
    int32_t since_us = (int32_t)(tick->t_us - tick->stroke_us); /* a stroke may be just after its tick's time */
    if (!head.motor_on && new_strokes && tick->interval_us < MOTOR_GONE_US) {
        head.motor_on = 1;
        saved_us = tick->t_us;
        send_event(tick->t_us, PEN_MOTOR_ON, 0);
    } else if (head.motor_on && since_us > (int32_t)MOTOR_GONE_US) {
        send_samples();
        head.motor_on = 0;
        heartbeat_us = tick->t_us;
        send_event(tick->t_us, PEN_MOTOR_OFF, 0);
        memory_save();
    }
}

/* Strokes a second from the newest interval; from the time since when that is longer: it falls when strokes stay out. */
static uint16_t frequency_dhz(const struct tick *tick)
{
    int32_t since_us = (int32_t)(tick->t_us - tick->stroke_us);
    uint32_t interval_us = tick->interval_us;
    if (since_us > 0 && (uint32_t)since_us > interval_us)
        interval_us = (uint32_t)since_us;
    return (uint16_t)((10000000ul + interval_us / 2u) / interval_us);
}

static void take_sample(const struct tick *tick)
{
    if (!n_samples)
        block_us = tick->t_us;
    frequencies_dhz[n_samples] = frequency_dhz(tick);
    if (tick->inputs & IN_CONTACT)
        contacts |= (uint8_t)(1u << n_samples);
    n_samples++;
    next_seq++;
    if (n_samples == SAMPLES_PER_FRAME)
        send_samples();
}

static void on_tick(const struct tick *tick)
{
    uint16_t new_strokes = (uint16_t)(tick->strokes - strokes_seen);
    uint32_t late_us = tick->t_us - expected_us;
    if (late_us) { /* ticks were lost: what has been taken goes on its own, what was due is numbered (P-13) */
        send_samples();
        if (head.motor_on)
            next_seq += late_us / PERIOD_US;
    }
    expected_us = tick->t_us + PERIOD_US;
    read_dial(tick);
    read_button(tick);
    strokes_seen = tick->strokes;
    totals.strokes += new_strokes;
    read_motor(tick, new_strokes);
    if (head.motor_on)
        take_sample(tick);
    memory_note(&totals);
}

/* --- what is due -------------------------------------------------------------------------------------------------- */

static void do_what_is_due(uint32_t t_us)
{
    if (t_us - identity_us >= IDENTITY_US) {
        if (send_identity())
            identity_us = t_us;
    } else if (asked && t_us - answered_us >= ANSWER_US && send_identity()) {
        asked = 0;
        answered_us = t_us;
    }
    if (!head.motor_on && t_us - heartbeat_us >= HEARTBEAT_US && send_heartbeat())
        heartbeat_us = t_us;
    if (head.motor_on && t_us - saved_us >= SAVE_US) {
        saved_us = t_us;
        memory_save();
    }
    memory_step();
}

int main(void)
{
    static struct pen_ear ear;
    struct tick tick;
    uint8_t byte, memory_works;
    head.boot = memory_start(&totals, &memory_works); /* before a word is said */
    board_start();
    expected_us = PERIOD_US;
    send_identity();
    if (board_started_by() == STARTED_BY_WATCHDOG)
        send_event(0, PEN_FAULT, FAULT_WATCHDOG);
    if (board_started_by() == STARTED_BY_BROWN_OUT)
        send_event(0, PEN_FAULT, FAULT_BROWN_OUT);
    if (!memory_works)
        send_event(0, PEN_FAULT, FAULT_MEMORY);
    heartbeat_us = (uint32_t)-HEARTBEAT_US; /* the first one with the first tick, which has read the dial */
    for (;;) {
        while (board_tick(&tick)) {
            board_alive();
            on_tick(&tick);
            do_what_is_due(tick.t_us);
        }
        while (board_heard(&byte))
            if (pen_hears(&ear, byte))
                asked = 1;
        board_rest();
    }
}
