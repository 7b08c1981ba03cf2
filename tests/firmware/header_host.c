/* The single header on a host: reads messages as bytes on stdin, answers each with the frame that pen_frames.h makes.
 *
 * A message is u16 length, u8 kind and its fields as tests/firmware/header.py packs them; the answer is u16 length and
 * the bytes. What the header may write to is exactly as large as the message says, so that a sanitizer sees a byte too
 * many. Kind 255 is bytes from a host; the answer is one byte: how many identity requests were heard in them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pen_frames.h"

static const uint8_t *at;

static uint8_t u8(void)
{
    return *at++;
}

static uint16_t u16(void)
{
    uint16_t low = u8();
    return (uint16_t)(low | (uint16_t)(u8() << 8));
}

static uint32_t u32(void)
{
    uint32_t low = u16();
    return low | (uint32_t)u16() << 16;
}

/* A block of its own, of exactly this size, or NULL. */
static void *block(size_t size)
{
    void *bytes = malloc(size ? size : 1);
    if (!bytes)
        exit(3);
    return bytes;
}

static uint16_t *column(int there, uint8_t n)
{
    uint16_t *values;
    uint16_t i;
    if (!there)
        return NULL;
    values = (uint16_t *)block(2u * n);
    for (i = 0; i < n; i++)
        values[i] = u16();
    return values;
}

static struct pen_slow slow_fields(void)
{
    struct pen_slow slow;
    slow.has = u16();
    slow.depth_set_um = u16();
    slow.passes = u32();
    slow.strokes = u32();
    return slow;
}

static size_t samples(uint8_t *out, size_t size, const struct pen_head *head)
{
    struct pen_slow slow = slow_fields();
    struct pen_columns columns;
    uint8_t which;
    uint16_t *depth, *raw, *frequency;
    uint8_t *contact = NULL;
    size_t length;
    columns.period_us = u16();
    columns.n = u8();
    which = u8();
    depth = column(which & 1, columns.n);
    raw = column(which & 2, columns.n);
    frequency = column(which & 4, columns.n);
    if (which & 8) {
        contact = (uint8_t *)block((columns.n + 7u) / 8u);
        memcpy(contact, at, (columns.n + 7u) / 8u);
        at += (columns.n + 7u) / 8u;
    }
    columns.depth_um = (const int16_t *)depth;
    columns.raw_count = raw;
    columns.frequency_dhz = frequency;
    columns.contact = contact;
    length = pen_samples(out, size, head, &slow, &columns);
    free(depth);
    free(raw);
    free(frequency);
    free(contact);
    return length;
}

static size_t identity(uint8_t *out, size_t size, const struct pen_head *head)
{
    struct pen_identity_texts texts;
    char *text[5];
    size_t length;
    int i;
    for (i = 0; i < 5; i++) {
        size_t n = u8();
        text[i] = n == 255 ? NULL : (char *)block(n + 1);
        if (text[i]) {
            memcpy(text[i], at, n);
            text[i][n] = 0;
            at += n;
        }
    }
    texts.model = text[0];
    texts.serial = text[1];
    texts.firmware = text[2];
    texts.calibration_id = text[3];
    texts.cartridge = text[4];
    length = pen_identity(out, size, head, &texts);
    for (i = 0; i < 5; i++)
        free(text[i]);
    return length;
}

static uint8_t heard(size_t n)
{
    struct pen_ear ear;
    uint8_t requests = 0;
    memset(&ear, 0, sizeof ear);
    while (n--)
        requests = (uint8_t)(requests + pen_hears(&ear, u8()));
    return requests;
}

static void answer(const uint8_t *message, size_t n)
{
    uint8_t kind, *out, requests;
    size_t size, length = 0;
    at = message;
    kind = u8();
    if (kind == 255) {
        requests = heard(n - 1);
        out = &requests;
        length = 1;
    } else {
        struct pen_head head;
        size = u16();
        head.mode = u8();
        head.motor_on = u8();
        head.boot = u16();
        head.seq = u32();
        head.t_us = u32();
        out = (uint8_t *)block(size);
        if (kind == 1) {
            length = samples(out, size, &head);
        } else if (kind == 2) {
            struct pen_slow slow = slow_fields();
            length = pen_heartbeat(out, size, &head, &slow);
        } else if (kind == 3) {
            uint8_t code = u8();
            length = pen_event(out, size, &head, code, u32());
        } else if (kind == 4) {
            length = identity(out, size, &head);
        } else if (kind == 16) {
            length = pen_identity_request(out, size);
        } else {
            exit(4);
        }
    }
    putchar((int)(length & 0xFF));
    putchar((int)(length >> 8));
    fwrite(out, 1, length, stdout);
    if (kind != 255)
        free(out);
}

int main(void)
{
    int low, high;
    while ((low = getchar()) != EOF && (high = getchar()) != EOF) {
        size_t n = (size_t)(low | high << 8);
        uint8_t *message = (uint8_t *)block(n);
        if (fread(message, 1, n, stdin) != n)
            return 1;
        answer(message, n);
        free(message);
        fflush(stdout);
    }
    return 0;
}
