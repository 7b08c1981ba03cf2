/* pen_frames.h: the frames of the pen protocol 1.0, for a pen in C or C++. One file, nothing to link.
 *
 * It writes samples, heartbeat, event, identity and identity request into a buffer of yours, delimiters included, and
 * recognises the identity request in the bytes that the host sends. It allocates nothing, keeps nothing, calls nothing:
 * stdint.h and stddef.h are all it includes. It is not responsible for when a frame is sent, nor for the line.
 *
 * Every pen_... function that writes a frame returns its length, or 0 when it does not fit `size` or cannot be said
 * (a mode there is not, no sample, a text too long or not printable); then `out` may have been written to and nothing
 * is to be sent. PEN_MAX_FRAME bytes are room for any frame. A byte at or beyond `out + size` is never written.
 *
 * The rules behind P-08 and so on stand in docs/protocol.md of devicelog.
 *
 * SPDX-License-Identifier: MIT-0
 *
 * Copyright the devicelog authors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
 * documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
 * rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
 * permit persons to whom the Software is furnished to do so.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
 * WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
 * COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
 * OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 */
#ifndef PEN_FRAMES_H
#define PEN_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#define PEN_PROTOCOL 0x10 /* 1.0: major in the high four bits */
#define PEN_MAX_FRAME 256 /* bytes of the longest frame, both delimiters included */
#define PEN_MAX_TEXT 32
#define PEN_MAX_COLUMNS 222 /* bytes of all columns of a samples frame */
#define PEN_CRC_START ((uint32_t)0xFFFFFFFFul)
#define PEN_CRC_RESIDUE ((uint32_t)0xDEBB20E3ul) /* the CRC so far, of anything with its own CRC after it */

enum pen_mode { PEN_REAL = 0, PEN_TEST = 1, PEN_DEMO = 2 };

enum pen_event_code { PEN_PASS_BUTTON = 1, PEN_DIAL_TURNED = 2, PEN_MOTOR_ON = 3, PEN_MOTOR_OFF = 4, PEN_FAULT = 5 };

/* What stands in the slow fields. What a pen does not have it leaves out (P-08), whatever the field holds. */
enum pen_has { PEN_HAS_SET = 0x0080, PEN_HAS_PASSES = 0x0100, PEN_HAS_STROKES = 0x0200 };

/* In every frame. `seq` and `t_us` are those of the first sample; elsewhere the number of the next one, and now. */
struct pen_head {
    uint8_t mode; /* enum pen_mode */
    uint8_t motor_on;
    uint16_t boot;
    uint32_t seq;
    uint32_t t_us;
};

/* In samples and heartbeat. */
struct pen_slow {
    uint16_t has; /* any of enum pen_has */
    uint16_t depth_set_um;
    uint32_t passes;
    uint32_t strokes;
};

/* The samples of one frame: `n` values in every column, one each `period_us`. A column that is NULL is left out. */
struct pen_columns {
    uint16_t period_us;
    uint8_t n;
    const int16_t *depth_um;
    const uint16_t *raw_count;
    const uint16_t *frequency_dhz;
    const uint8_t *contact; /* sample i is bit i % 8 of byte i / 8; what is above the last sample is sent as 0 */
};

/* Who the pen is. NULL or "": it does not say. */
struct pen_identity_texts {
    const char *model;
    const char *serial;
    const char *firmware;
    const char *calibration_id;
    const char *cartridge;
};

/* --- the frame: CRC and COBS while it is written, so that no payload is kept ------------------------------------- */

struct pen_writer {
    uint8_t *out;
    size_t size;
    size_t at;   /* where the next byte goes; beyond `size` when something did not fit */
    size_t code; /* where the open COBS code stands */
    uint32_t crc;
};

/* CRC-32/ISO-HDLC, one byte on; begins with PEN_CRC_START. */
static inline uint32_t pen_crc(uint32_t crc, uint8_t byte)
{
    uint8_t bit;
    crc ^= byte;
    for (bit = 0; bit < 8; bit++)
        crc = (crc >> 1) ^ ((crc & 1u) ? (uint32_t)0xEDB88320ul : 0u);
    return crc;
}

static inline void pen_stuff(struct pen_writer *w, uint8_t byte)
{
    if (w->at >= w->size) {
        w->at = w->size + 1u;
    } else if (byte) {
        w->out[w->at++] = byte;
    } else {
        w->out[w->code] = (uint8_t)(w->at - w->code);
        w->code = w->at++;
    }
}

static inline void pen_u8(struct pen_writer *w, uint8_t value)
{
    w->crc = pen_crc(w->crc, value);
    pen_stuff(w, value);
}

static inline void pen_u16(struct pen_writer *w, uint16_t value)
{
    pen_u8(w, (uint8_t)(value & 0xFFu));
    pen_u8(w, (uint8_t)(value >> 8));
}

static inline void pen_u32(struct pen_writer *w, uint32_t value)
{
    pen_u16(w, (uint16_t)(value & 0xFFFFu));
    pen_u16(w, (uint16_t)(value >> 16));
}

/* The delimiter and the head. 0 when it cannot be begun. */
static inline int pen_begin(struct pen_writer *w, uint8_t *out, size_t size, uint8_t kind, uint16_t flags,
                            const struct pen_head *head)
{
    if (size < 2u || head->mode > PEN_DEMO)
        return 0;
    out[0] = 0;
    w->out = out;
    w->size = size;
    w->code = 1u;
    w->at = 2u;
    w->crc = PEN_CRC_START;
    pen_u8(w, PEN_PROTOCOL);
    pen_u8(w, kind);
    pen_u16(w, (uint16_t)(flags | head->mode | (head->motor_on ? 4u : 0u)));
    pen_u16(w, head->boot);
    pen_u32(w, head->seq);
    pen_u32(w, head->t_us);
    return 1;
}

/* The CRC and the delimiter. The length of the frame, or 0 when it did not fit. */
static inline size_t pen_end(struct pen_writer *w)
{
    uint32_t crc = ~w->crc;
    uint8_t i;
    for (i = 0; i < 4u; i++, crc >>= 8)
        pen_stuff(w, (uint8_t)(crc & 0xFFu));
    if (w->at >= w->size)
        return 0;
    w->out[w->code] = (uint8_t)(w->at - w->code);
    w->out[w->at++] = 0;
    return w->at;
}

static inline void pen_slow_fields(struct pen_writer *w, const struct pen_slow *slow)
{
    pen_u16(w, (uint16_t)((slow->has & PEN_HAS_SET) ? slow->depth_set_um : 0u));
    pen_u32(w, (slow->has & PEN_HAS_PASSES) ? slow->passes : 0u);
    pen_u32(w, (slow->has & PEN_HAS_STROKES) ? slow->strokes : 0u);
}

static inline uint16_t pen_slow_flags(const struct pen_slow *slow)
{
    return (uint16_t)(slow->has & (PEN_HAS_SET | PEN_HAS_PASSES | PEN_HAS_STROKES));
}

/* --- the messages ------------------------------------------------------------------------------------------------- */

/* Samples (1). While the motor is on they come without a break (P-10), 10 to 20 ms of them a frame (P-11). */
static inline size_t pen_samples(uint8_t *out, size_t size, const struct pen_head *head, const struct pen_slow *slow,
                                 const struct pen_columns *columns)
{
    struct pen_writer w;
    uint16_t flags = pen_slow_flags(slow);
    uint16_t bytes = 0, n = columns->n, i;
    if (columns->depth_um) {
        flags |= 0x0008u;
        bytes = (uint16_t)(bytes + 2u * n);
    }
    if (columns->raw_count) {
        flags |= 0x0010u;
        bytes = (uint16_t)(bytes + 2u * n);
    }
    if (columns->frequency_dhz) {
        flags |= 0x0020u;
        bytes = (uint16_t)(bytes + 2u * n);
    }
    if (columns->contact) {
        flags |= 0x0040u;
        bytes = (uint16_t)(bytes + (n + 7u) / 8u);
    }
    if (!n || !columns->period_us || bytes > PEN_MAX_COLUMNS || !pen_begin(&w, out, size, 1, flags, head))
        return 0;
    pen_slow_fields(&w, slow);
    pen_u16(&w, columns->period_us);
    pen_u8(&w, columns->n);
    for (i = 0; columns->depth_um && i < n; i++)
        pen_u16(&w, (uint16_t)columns->depth_um[i]);
    for (i = 0; columns->raw_count && i < n; i++)
        pen_u16(&w, columns->raw_count[i]);
    for (i = 0; columns->frequency_dhz && i < n; i++)
        pen_u16(&w, columns->frequency_dhz[i]);
    for (i = 0; columns->contact && i < n; i = (uint16_t)(i + 8u))
        pen_u8(&w, (uint8_t)(columns->contact[i / 8u] & (n - i < 8 ? (1u << (n - i)) - 1u : 0xFFu)));
    return pen_end(&w);
}

/* Heartbeat (2): every second while the motor is off (P-17). */
static inline size_t pen_heartbeat(uint8_t *out, size_t size, const struct pen_head *head, const struct pen_slow *slow)
{
    struct pen_writer w;
    if (!pen_begin(&w, out, size, 2, pen_slow_flags(slow), head))
        return 0;
    pen_slow_fields(&w, slow);
    return pen_end(&w);
}

/* Event (3): `code` is one of enum pen_event_code, `value` what docs/protocol.md says for it. */
static inline size_t pen_event(uint8_t *out, size_t size, const struct pen_head *head, uint8_t code, uint32_t value)
{
    struct pen_writer w;
    if (!pen_begin(&w, out, size, 3, 0, head))
        return 0;
    pen_u8(&w, code);
    pen_u32(&w, value);
    return pen_end(&w);
}

/* Identity (4): after power-on, when asked, and every 5 s (P-19). */
static inline size_t pen_identity(uint8_t *out, size_t size, const struct pen_head *head,
                                  const struct pen_identity_texts *texts)
{
    struct pen_writer w;
    const char *text[5];
    uint8_t i, length, at;
    text[0] = texts->model;
    text[1] = texts->serial;
    text[2] = texts->firmware;
    text[3] = texts->calibration_id;
    text[4] = texts->cartridge;
    if (!pen_begin(&w, out, size, 4, 0, head))
        return 0;
    for (i = 0; i < 5u; i++) {
        for (length = 0; text[i] && text[i][length]; length++)
            if (length == PEN_MAX_TEXT || text[i][length] < 0x20 || text[i][length] > 0x7E)
                return 0;
        pen_u8(&w, length);
        for (at = 0; at < length; at++)
            pen_u8(&w, (uint8_t)text[i][at]);
    }
    return pen_end(&w);
}

/* Identity request (16): what a host sends. */
static inline size_t pen_identity_request(uint8_t *out, size_t size)
{
    struct pen_writer w;
    struct pen_head head = {0, 0, 0, 0, 0};
    return pen_begin(&w, out, size, 16, 0, &head) ? pen_end(&w) : 0;
}

/* --- the one message that a pen reads ----------------------------------------------------------------------------- */

/* Where a pen is in what it hears. All zero at the start: `static struct pen_ear ear;` will do. */
struct pen_ear {
    uint32_t crc;
    uint8_t run;  /* bytes since the last delimiter; 255: too many for a frame */
    uint8_t left; /* bytes up to the next COBS code */
    uint8_t n;    /* bytes of payload and CRC so far */
    uint8_t version;
    uint8_t kind;
};

/* Takes the next byte from the host. 1 when it ended an identity request, else 0: what a pen does not understand it
 * ignores (P-20). A later minor version and what it adds at the end is understood (P-21). */
static inline int pen_hears(struct pen_ear *ear, uint8_t byte)
{
    if (!byte) {
        int heard = ear->run && ear->run < 255u && !ear->left && ear->n >= 18u && ear->crc == PEN_CRC_RESIDUE &&
                    ear->version >> 4 == PEN_PROTOCOL >> 4 && ear->kind == 16u;
        ear->run = 0;
        return heard;
    }
    if (!ear->run) { /* the first COBS code of a frame stands for no byte */
        ear->crc = PEN_CRC_START;
        ear->n = ear->version = ear->kind = 0;
        ear->left = (uint8_t)(byte - 1u);
        ear->run = 1;
        return 0;
    }
    if (ear->run == 255u)
        return 0;
    ear->run++;
    if (ear->left) {
        ear->left--;
    } else { /* any later one stands for a zero */
        ear->left = (uint8_t)(byte - 1u);
        byte = 0;
    }
    if (ear->n == 0)
        ear->version = byte;
    else if (ear->n == 1u)
        ear->kind = byte;
    ear->n++;
    ear->crc = pen_crc(ear->crc, byte);
    return 0;
}

#endif
