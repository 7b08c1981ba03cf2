/* The board: ATmega328P at 16 MHz. Registers and interrupts, no meaning: what a stroke or a pass is, pen.c knows.
 *
 *   PD0 RXD, PD1 TXD   the line              PD3   pass button, to ground
 *   PD2 INT0           hall sensor, falls    PD4   skin contact, to ground
 *   PC0 ADC0           depth dial
 *
 * SPDX-License-Identifier: MIT-0
 */
#include <avr/eeprom.h>
#include <avr/fuse.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>
#include <util/atomic.h>
#include <util/crc16.h>

#include "board.h"
#include "settings.h"

#if F_CPU != 16000000ul
#error "timer 1 is set for 16 MHz"
#endif

#define COUNTS_PER_US 2u /* timer 1 counts every 0.5 us */
#define TICK_COUNTS ((uint16_t)(PERIOD_US * COUNTS_PER_US))
#define BAUD_DIVISOR ((F_CPU + 4u * BAUD) / (8u * BAUD) - 1u)

/* What stands above is in memory before what stands below: an interrupt reads it as soon as the index says so. */
#define DONE_BEFORE() __asm__ volatile("" ::: "memory")

_Static_assert(PERIOD_US * COUNTS_PER_US < 32768ul, "a period has to fit half of timer 1");
_Static_assert(BAUD_DIVISOR < 4096ul, "no such baud rate");

/* Crystal; keep the EEPROM when flashing, or the boot counter forgets; reset below 4.3 V. */
FUSES = {.low = 0xFF, .high = 0xD1, .extended = 0xFC};

/* --- start -------------------------------------------------------------------------------------------------------- */

static uint8_t cause __attribute__((section(".noinit")));
static uint16_t stirred __attribute__((section(".noinit"))); /* what board_noise said last, as long as there is power */

/* Before anything else: after a watchdog reset the watchdog runs on, at 16 ms. The flags of MCUSR stand until somebody
 * clears them: left as they are, the next start would be told to be another watchdog's, and WDRF keeps the watchdog on. */
void first_of_all(void) __attribute__((naked, used, section(".init3")));
void first_of_all(void)
{
    cause = MCUSR;
    MCUSR = 0;
    wdt_enable(WDTO_250MS);
}

uint8_t board_started_by(void)
{
    if (cause & _BV(WDRF))
        return STARTED_BY_WATCHDOG;
    if (cause & _BV(PORF)) /* power-on sets the flag of the brown-out as well */
        return STARTED_BY_POWER;
    return cause & _BV(BORF) ? STARTED_BY_BROWN_OUT : STARTED_BY_RESET;
}

uint16_t board_noise(void)
{
    extern uint8_t __heap_start; /* the first byte that nobody has written to since power came */
    uint16_t noise = _crc_ccitt_update(_crc_ccitt_update(0xFFFF, (uint8_t)stirred), (uint8_t)(stirred >> 8));
    const uint8_t *at;
    for (at = &__heap_start; at < (const uint8_t *)(SP - 32u); at++)
        noise = _crc_ccitt_update(noise, *at);
    stirred = noise;
    return noise;
}

void board_start(void)
{
    PORTB = PORTC = PORTD = 0xFF; /* no input floats */
    PORTC = (uint8_t)~_BV(PC0);
    DDRD = _BV(PD1);
    DIDR0 = _BV(ADC0D);

    UCSR0A = _BV(U2X0);
    UBRR0 = BAUD_DIVISOR;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);

    ADMUX = _BV(REFS0); /* against the supply: a potentiometer's reading does not depend on it */
    ADCSRA = _BV(ADEN) | _BV(ADSC) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
    loop_until_bit_is_clear(ADCSRA, ADSC); /* 0.2 ms, so that the first tick has a reading */

    EICRA = _BV(ISC01);
    EIFR = _BV(INTF0);
    EIMSK = _BV(INT0);

    OCR1A = TICK_COUNTS;
    TCCR1B = _BV(CS11);
    TIMSK1 = _BV(OCIE1A);

    sei();
}

void board_alive(void)
{
    wdt_reset();
}

/* --- time, strokes and ticks -------------------------------------------------------------------------------------- */

#define TICKS 16u /* 80 ms of them wait for the main loop */

static volatile uint32_t tick_us; /* the newest sample time */
static volatile uint32_t stroke_us, interval_us = 0xFFFFFFFFul;
static volatile uint16_t strokes;
static uint8_t struck; /* the newest stroke is near; times wrap after 71.6 minutes, and long ago looks like just now */
static struct tick ticks[TICKS];
static volatile uint8_t ticks_in, ticks_out;

/* Interrupts are off. OCR1A is the next sample time, so this holds also while its interrupt is still to come. */
static uint32_t now_us(void)
{
    return tick_us + (uint16_t)(TCNT1 - (OCR1A - TICK_COUNTS)) / COUNTS_PER_US;
}

uint32_t board_now_us(void)
{
    uint32_t now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        now = now_us();
    }
    return now;
}

ISR(INT0_vect)
{
    uint32_t now = now_us(), since = now - stroke_us;
    if (struck && since < STROKE_MIN_US)
        return;
    interval_us = struck ? since : 0xFFFFFFFFul;
    stroke_us = now;
    struck = 1;
    strokes++;
}

ISR(TIMER1_COMPA_vect)
{
    struct tick *tick = &ticks[ticks_in % TICKS];
    OCR1A += TICK_COUNTS;
    tick_us += PERIOD_US;
    if ((int32_t)(tick_us - stroke_us) > (int32_t)MOTOR_GONE_US) /* below 0 for a stroke since this tick was due */
        struck = 0;
    if ((uint8_t)(ticks_in - ticks_out) < TICKS) {
        tick->t_us = tick_us;
        tick->stroke_us = stroke_us;
        tick->interval_us = interval_us;
        tick->strokes = strokes;
        tick->dial = ADC;
        tick->inputs = (uint8_t)((bit_is_clear(PIND, PD4) ? IN_CONTACT : 0) | (bit_is_clear(PIND, PD3) ? IN_BUTTON : 0));
        ticks_in++;
    }
    ADCSRA |= _BV(ADSC);
}

int board_tick(struct tick *tick)
{
    if (ticks_in == ticks_out)
        return 0;
    *tick = ticks[ticks_out % TICKS];
    DONE_BEFORE();
    ticks_out++;
    return 1;
}

/* --- the line ----------------------------------------------------------------------------------------------------- */

static uint8_t to_send[256]; /* its indices wrap by themselves */
static volatile uint8_t send_in, send_out;
static volatile uint8_t received[32];
static volatile uint8_t received_in, received_out;

int board_has_room(uint16_t bytes, uint16_t left)
{
    return bytes + left <= (uint8_t)(send_out - send_in - 1u);
}

void board_send(const uint8_t *bytes, uint16_t n)
{
    uint8_t in = send_in;
    while (n--)
        to_send[in++] = *bytes++;
    DONE_BEFORE();
    send_in = in;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        UCSR0B |= _BV(UDRIE0);
    }
}

ISR(USART_UDRE_vect)
{
    if (send_out == send_in)
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
    else
        UDR0 = to_send[send_out++];
}

ISR(USART_RX_vect)
{
    uint8_t byte = UDR0;
    if ((uint8_t)(received_in - received_out) < sizeof received) /* else the request is asked again */
        received[received_in++ % sizeof received] = byte;
}

int board_heard(uint8_t *byte)
{
    if (received_in == received_out)
        return 0;
    *byte = received[received_out % sizeof received];
    received_out++;
    return 1;
}

/* --- rest --------------------------------------------------------------------------------------------------------- */

void board_rest(void)
{
    set_sleep_mode(SLEEP_MODE_IDLE);
    cli();
    if (ticks_in == ticks_out && received_in == received_out) {
        sleep_enable();
        sei(); /* the instruction after it runs before any interrupt: nothing is slept through */
        sleep_cpu();
        sleep_disable();
    }
    sei();
}

/* --- what outlives power ------------------------------------------------------------------------------------------ */

int board_keeper_ready(void)
{
    return eeprom_is_ready() != 0;
}

void board_keep(uint16_t at, uint8_t byte)
{
    eeprom_write_byte((uint8_t *)at, byte);
}

uint8_t board_kept(uint16_t at)
{
    return eeprom_read_byte((const uint8_t *)at);
}
