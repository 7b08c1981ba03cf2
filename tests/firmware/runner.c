/* A bench for the firmware: the real AVR binary in simavr, its sensors driven and its line read by commands.
 *
 *   runner ELF           in its own time: it stands still until told to `run`; what the pen sends is printed, stamped
 *   runner ELF --pty     at the pace of the wall clock; the line is a pty, whose path is the first thing printed
 *
 * Commands, a line each on stdin; each is answered by one line that begins with `ok` or `error`:
 *
 *   run US            go on for so long (only without --pty)
 *   hall MHZ          strokes a second in thousandths; 0: the motor stands
 *   dial MV           the potentiometer's wiper, in millivolts of 5000
 *   contact 0|1       button 0|1
 *   send HEX          bytes on the line to the pen (only without --pty)
 *   hang              the main loop never goes on; interrupts still run
 *   deaf              the same, and interrupts are off
 *   off               no power. What the EEPROM was writing is torn
 *   on [brownout]     power again: memory is noise, the EEPROM is as it was
 *   erase             the EEPROM reads 0xFF, as after flashing without EESAVE
 *   spoil AT N        N bytes of the EEPROM from AT cannot be written any more: they read 0x5A
 *   eeprom            `ok` and its bytes in hex
 *   poke AT HEX       these bytes into its memory, from the address AT in decimal
 *   where             `ok CYCLE SLEPT`, both in cycles since the start
 *
 * Without --pty, `run` prints `tx US HEX` each time the pen has sent a 0x00: what came since the last one, and when the
 * UART took it (it is on the line at most two bytes, 0.17 ms, later). Hall edges are cycle timers of simavr, so they also
 * come in time while the CPU sleeps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_adc.h>
#include <simavr/avr_eeprom.h>
#include <simavr/avr_extint.h>
#include <simavr/avr_ioport.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_time.h>

enum { HZ = 16000000, EEPROM_BYTES = 1024, SPIN_AT = 0x7FFE };
enum { MCUSR_AT = 0x54, PORF = 1, BORF = 4, EECR_AT = 0x3F, EEPE = 2, EEAR_AT = 0x41 };

static avr_t *avr;
static FILE *told; /* our own words: simavr says things on stdout */
static int pty_fd = -1;
static int powered = 1, was_reset;
static unsigned hall_mhz;
static int hall_low;
static int contact, button, dial_mv = 2500;
static uint8_t spoiled[EEPROM_BYTES];
static avr_cycle_count_t slept, without_power;
static unsigned char line[1024];
static size_t n_line;
static uint32_t noise = 1;

/* --- the line ----------------------------------------------------------------------------------------------------- */

static void print_line(void)
{
    fprintf(told, "tx %llu ", (unsigned long long)((without_power + avr->cycle) / (HZ / 1000000)));
    for (size_t i = 0; i < n_line; i++)
        fprintf(told, "%02x", line[i]);
    putc('\n', told);
    n_line = 0;
}

static void sent(struct avr_irq_t *irq, uint32_t value, void *param)
{
    unsigned char byte = (unsigned char)value;
    (void)irq;
    (void)param;
    if (pty_fd >= 0) {
        if (write(pty_fd, &byte, 1) < 0 && errno != EAGAIN && errno != EIO)
            perror("pty");
        return; /* nobody reads: gone, as on a wire */
    }
    line[n_line++] = byte;
    if (!byte || n_line == sizeof line)
        print_line();
}

static void receive(unsigned char byte)
{
    avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT), byte);
}

/* --- the sensors -------------------------------------------------------------------------------------------------- */

static avr_ioport_external_t outside = {.name = 'D'};

/* What is outside wins over the pull-up, now and when the program switches that on. */
static void pin(int number, int level)
{
    outside.mask |= 1u << number;
    outside.value = level ? outside.value | 1u << number : outside.value & ~(1u << number);
    avr_ioctl(avr, AVR_IOCTL_IOPORT_SET_EXTERNAL('D'), &outside);
    avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('D'), number), level);
}

static avr_cycle_count_t edge(avr_t *a, avr_cycle_count_t when, void *param)
{
    (void)a;
    (void)param;
    if (!hall_mhz && !hall_low)
        return 0;
    hall_low = !hall_low;
    pin(2, !hall_low);
    if (!hall_mhz)
        return 0;
    /* low for a fifth of the stroke */
    avr_cycle_count_t stroke = (avr_cycle_count_t)HZ * 1000 / hall_mhz, low = stroke / 5;
    return when + (hall_low ? low : stroke - low);
}

/* At a reset simavr forgets what is at the pins, and hears nothing of a level that it was told before: the other one
 * first. A bench forgets nothing. */
static void forget(void)
{
    avr_extint_set_strict_lvl_trig(avr, EXTINT_IRQ_OUT_INT1, 0); /* else a button that is held costs 50 times as much */
    pin(2, hall_low);
    pin(3, button);
    pin(4, contact);
}

static void drive(void)
{
    pin(2, !hall_low);
    pin(3, !button);
    pin(4, !contact);
    avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0), dial_mv);
    if (hall_mhz && !avr_cycle_timer_status(avr, edge, NULL))
        avr_cycle_timer_register(avr, 100, edge, NULL);
}

static void (*chip_reset)(avr_t *);

static void after_reset(avr_t *a)
{
    if (chip_reset)
        chip_reset(a);
    was_reset = 1;
}

/* --- the EEPROM: a byte takes 3.4 ms, which simavr leaves out ------------------------------------------------------ */

static void get_eeprom(uint8_t *bytes)
{
    avr_eeprom_desc_t whole = {.ee = bytes, .offset = 0, .size = EEPROM_BYTES};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_GET, &whole);
}

static void set_eeprom(uint8_t *bytes)
{
    avr_eeprom_desc_t whole = {.ee = bytes, .offset = 0, .size = EEPROM_BYTES};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_SET, &whole);
}

static void wear(void)
{
    uint8_t bytes[EEPROM_BYTES];
    get_eeprom(bytes);
    for (int i = 0; i < EEPROM_BYTES; i++)
        bytes[i] = spoiled[i] ? 0x5A : bytes[i];
    set_eeprom(bytes);
}

static avr_cycle_count_t written(avr_t *a, avr_cycle_count_t when, void *param)
{
    (void)when;
    (void)param;
    a->data[EECR_AT] &= (uint8_t)~EEPE;
    wear();
    return 0;
}

static void eecr_write(avr_t *a, avr_io_addr_t addr, uint8_t value, void *param)
{
    (void)addr;
    (void)param;
    if (value & EEPE) {
        a->data[EECR_AT] |= EEPE;
        avr_cycle_timer_register_usec(a, 3400, written, NULL);
    }
}

/* --- the chip ----------------------------------------------------------------------------------------------------- */

static void asleep(avr_t *a, avr_cycle_count_t cycles)
{
    (void)a;
    slept += cycles;
}

static uint8_t rubbish(void)
{
    noise = noise * 1664525u + 1013904223u;
    return (uint8_t)(noise >> 24);
}

static void power_off(void)
{
    if (avr->data[EECR_AT] & EEPE) { /* a byte is being written: some of its bits are still as erased */
        uint8_t bytes[EEPROM_BYTES];
        get_eeprom(bytes);
        bytes[(avr->data[EEAR_AT] | avr->data[EEAR_AT + 1] << 8) % EEPROM_BYTES] |= rubbish();
        set_eeprom(bytes);
    }
    powered = 0;
}

/* Power that comes clears the other causes of a start; after a brown-out they still stand, if nobody cleared them. */
static void power_on(int mcusr)
{
    uint8_t bytes[EEPROM_BYTES];
    if (mcusr == BORF)
        mcusr |= avr->data[MCUSR_AT];
    get_eeprom(bytes);
    avr_reset(avr);
    set_eeprom(bytes);
    for (unsigned at = 0x100; at <= avr->ramend; at++)
        avr->data[at] = rubbish();
    avr->data[MCUSR_AT] = (uint8_t)mcusr;
    was_reset = powered = 1;
    n_line = 0;
}

/* A spin in the last word of the flash, where no program is: `rjmp .-2`. */
static void hang(int interrupts)
{
    avr->flash[SPIN_AT] = 0xFF;
    avr->flash[SPIN_AT + 1] = 0xCF;
    avr->pc = SPIN_AT;
    avr->state = cpu_Running;
    if (!interrupts)
        avr->sreg[S_I] = 0;
}

static int go_on(avr_cycle_count_t cycles)
{
    avr_cycle_count_t until = avr->cycle + cycles;
    if (!powered) {
        without_power += cycles;
        return 0;
    }
    while (avr->cycle < until) {
        int state = avr_run(avr);
        if (state == cpu_Done || state == cpu_Crashed)
            return -1;
        if (was_reset) {
            was_reset = 0;
            forget();
            drive();
        }
    }
    return 0;
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static void command(char *text)
{
    char word[16] = "", more[600] = "";
    int n = sscanf(text, "%15s %599[^\n]", word, more);
    long value = strtol(more, NULL, 10);
    if (!strcmp(word, "run") && n == 2 && pty_fd < 0) {
        if (go_on((avr_cycle_count_t)value * (HZ / 1000000))) {
            fputs("error the program ended or crashed\n", told);
            return;
        }
    } else if (!strcmp(word, "hall") && n == 2) {
        hall_mhz = (unsigned)value;
        drive();
    } else if (!strcmp(word, "dial") && n == 2) {
        dial_mv = (int)value;
        drive();
    } else if (!strcmp(word, "contact") && n == 2) {
        contact = value != 0;
        drive();
    } else if (!strcmp(word, "button") && n == 2) {
        button = value != 0;
        drive();
    } else if (!strcmp(word, "send") && n == 2 && pty_fd < 0) {
        unsigned byte;
        for (char *at = more; sscanf(at, "%2x", &byte) == 1; at += 2)
            receive((unsigned char)byte);
    } else if (!strcmp(word, "hang") || !strcmp(word, "deaf")) {
        hang(word[0] == 'h');
    } else if (!strcmp(word, "off")) {
        power_off();
    } else if (!strcmp(word, "on")) {
        power_on(strcmp(more, "brownout") ? PORF | BORF : BORF);
    } else if (!strcmp(word, "erase")) {
        uint8_t bytes[EEPROM_BYTES];
        memset(bytes, 0xFF, sizeof bytes);
        set_eeprom(bytes);
    } else if (!strcmp(word, "spoil") && n == 2) {
        char *end;
        long from = strtol(more, &end, 10), count = strtol(end, NULL, 10);
        for (long i = from; i < from + count && i < EEPROM_BYTES; i++)
            spoiled[i] = 1;
        wear();
    } else if (!strcmp(word, "eeprom")) {
        uint8_t bytes[EEPROM_BYTES];
        get_eeprom(bytes);
        fprintf(told, "ok ");
        for (int i = 0; i < EEPROM_BYTES; i++)
            fprintf(told, "%02x", bytes[i]);
        putc('\n', told);
        return;
    } else if (!strcmp(word, "poke") && n == 2) {
        char *bytes;
        unsigned byte;
        long to = strtol(more, &bytes, 10);
        for (; to >= 0 && to <= avr->ramend && sscanf(bytes, " %2x", &byte) == 1; bytes += 2 + (*bytes == ' '))
            avr->data[to++] = (uint8_t)byte;
    } else if (!strcmp(word, "where")) {
        fprintf(told, "ok %llu %llu\n", (unsigned long long)(without_power + avr->cycle), (unsigned long long)slept);
        return;
    } else {
        fprintf(told, "error no such command: %s\n", text);
        return;
    }
    fputs("ok\n", told);
}

/* --- two ways of going -------------------------------------------------------------------------------------------- */

static int in_its_own_time(void)
{
    char text[1024];
    while (fgets(text, sizeof text, stdin)) {
        text[strcspn(text, "\n")] = 0;
        command(text);
        fflush(told);
    }
    return 0;
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int at_the_pace_of_the_wall(void)
{
    enum { SLICE_US = 1000 };
    static char text[1024];
    size_t n_text = 0;
    double due_s = now_s();
    avr_cycle_count_t due = 0;
    struct pollfd from[2] = {{.fd = 0, .events = POLLIN}, {.fd = pty_fd, .events = POLLIN}};
    for (;;) {
        /* a processor that sleeps goes on in strides of up to 5 ms: what it is ahead, it waits for */
        due += (avr_cycle_count_t)SLICE_US * (HZ / 1000000);
        if (avr->cycle + without_power < due && go_on(due - avr->cycle - without_power))
            return 1;
        due_s += SLICE_US * 1e-6;
        double left_s = due_s - now_s();
        if (left_s < -0.5)
            due_s = now_s(); /* a machine that stood still: the pen is late, and no burst follows */
        else if (left_s > 0)
            usleep((useconds_t)(left_s * 1e6));
        if (poll(from, 2, 0) <= 0)
            continue;
        if (from[1].revents & POLLIN) {
            unsigned char bytes[16]; /* what the UART can hold */
            ssize_t n = read(pty_fd, bytes, sizeof bytes);
            for (ssize_t i = 0; i < n && powered; i++)
                receive(bytes[i]);
        }
        if (from[0].revents) {
            char byte;
            if (read(0, &byte, 1) != 1)
                return 0;
            if (byte != '\n') {
                if (n_text < sizeof text - 1)
                    text[n_text++] = byte;
                continue;
            }
            text[n_text] = 0;
            n_text = 0;
            command(text);
            fflush(told);
        }
    }
}

int main(int n_words, char **words)
{
    static elf_firmware_t firmware;
    uint32_t flags = 0;
    told = fdopen(dup(1), "w");
    dup2(2, 1);
    if (n_words < 2 || elf_read_firmware(words[1], &firmware)) {
        fprintf(stderr, "runner ELF [--pty]\n");
        return 2;
    }
    firmware.frequency = HZ;
    strcpy(firmware.mmcu, "atmega328p");
    avr = avr_make_mcu_by_name(firmware.mmcu);
    if (!avr)
        return 2;
    avr_init(avr);
    avr_load_firmware(avr, &firmware);
    avr->vcc = avr->avcc = avr->aref = 5000;
    avr->log = 1;
    avr->sleep = asleep;
    chip_reset = avr->reset;
    avr->reset = after_reset;
    avr_register_io_write(avr, EECR_AT, eecr_write, NULL);
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags); /* no echo, no sleeping of its own */
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), sent, NULL);
    if (n_words > 2 && !strcmp(words[2], "--pty")) {
        int other;
        struct termios raw;
        if (openpty(&pty_fd, &other, NULL, NULL, NULL)) /* `other` stays open: the pen is there with nobody listening */
            return 2;
        tcgetattr(other, &raw);
        cfmakeraw(&raw);
        tcsetattr(other, TCSANOW, &raw);
        fcntl(pty_fd, F_SETFL, O_NONBLOCK);
        fprintf(told, "pty %s\n", ttyname(other));
    }
    uint8_t bytes[EEPROM_BYTES];
    memset(bytes, 0xFF, sizeof bytes);
    set_eeprom(bytes);
    power_on(PORF | BORF);
    fputs("ok\n", told);
    fflush(told);
    return pty_fd >= 0 ? at_the_pace_of_the_wall() : in_its_own_time();
}
