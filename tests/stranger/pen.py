#!/usr/bin/env python3
# Written from docs/protocol.md alone, by someone who had not seen the code. It is evidence that the page suffices, and
# is not changed to follow the code; only this comment was added.
"""A microneedling pen on a pseudo-terminal, written from protocol.md (protocol 1.0). Standard library only."""
import argparse
import errno
import json
import math
import os
import select
import signal
import struct
import sys
import termios
import time
import tty

VERSION = 0x10
SAMPLES, HEARTBEAT, EVENT, IDENTITY, REQUEST = 1, 2, 3, 4, 16
EV_PASS, EV_DIAL, EV_ON, EV_OFF = 1, 2, 3, 4
F_MOTOR, F_DEPTH, F_RAW, F_FREQ, F_CONTACT, F_SET, F_PASSES, F_STROKES = (1 << b for b in range(2, 10))
MODES = {"real": 0, "test": 1, "demo": 2}


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0xEDB88320 if i & 1 else 0)
        table.append(i)
    return table


CRC_TABLE = _table()
assert crc32(b"123456789") == 0xCBF43926


def cobs(data):
    """COBS of at most 253 bytes (P-05): split at the zeros, each part led by its length + 1."""
    assert len(data) <= 253
    return b"".join(bytes([len(part) + 1]) + part for part in data.split(b"\0"))


def uncobs(run):
    """The inverse, or None. Runs are at most 254 bytes, without 0x00."""
    parts, at = [], 0
    while at < len(run):
        code = run[at]
        if at + code > len(run):
            return None
        parts.append(run[at + 1:at + code])
        at += code
    return b"\0".join(parts)


def frame(payload, spoil=False):
    assert 14 <= len(payload) <= 249
    crc = crc32(payload) ^ (1 if spoil else 0)
    return b"\0" + cobs(payload + struct.pack("<I", crc)) + b"\0"


def text(s):
    raw = s.encode("ascii")
    assert len(raw) <= 32 and all(0x20 <= b <= 0x7E for b in raw)
    return bytes([len(raw)]) + raw


class Receiver:
    """P-20: gives True for each sound request of major 1, kind 16; anything else costs at most its own run."""

    def __init__(self):
        self.run, self.too_long = bytearray(), False

    def feed(self, data):
        asked = 0
        for byte in data:
            if byte:
                if len(self.run) < 254:
                    self.run.append(byte)
                else:
                    self.too_long = True
                continue
            if self.run and not self.too_long and self.is_request(bytes(self.run)):
                asked += 1
            self.run.clear()
            self.too_long = False
        return asked

    @staticmethod
    def is_request(run):
        whole = uncobs(run)
        if whole is None or len(whole) < 18:
            return False
        payload = whole[:-4]
        return (crc32(payload) == struct.unpack("<I", whole[-4:])[0]
                and payload[0] >> 4 == 1 and payload[1] == REQUEST)


class Pen:
    PERIOD = 2000       # µs
    PER_FRAME = 8       # 16 ms
    F_FIXED = F_SET | F_PASSES | F_STROKES
    F_COLUMNS = F_DEPTH | F_FREQ | F_CONTACT
    DIALS = (1500, 1250, 1000, 750, 500)

    def __init__(self, args):
        self.args = args
        self.memory = args.memory
        self.rx = Receiver()
        self.pending = b""
        self.connected = False
        self.held = b""
        self.n_frames = 0
        self.dropped = 0
        if args.fault == "reduced":
            self.PERIOD, self.PER_FRAME, self.F_FIXED, self.F_COLUMNS = 10000, 2, F_SET, 0
        self.start()

    def start(self):
        """Power-on."""
        args = self.args
        self.load()
        self.t0 = time.monotonic_ns() - args.clock * 1000
        self.mode = MODES[args.mode]
        self.motor = False
        self.dial = self.DIALS[0]
        self.dial_at = 0
        self.seq = 0             # number of the first sample not yet sent
        self.on_since = 0        # µs: the time of sample on_seq
        self.phase = 0.0         # strokes since motor on

    # memory over power-off (P-14, P-15)
    def load(self):
        try:
            with open(self.memory) as f:
                m = json.load(f)
        except (OSError, ValueError):
            m = {"boot": 0, "passes": 0, "strokes": 0}
        self.boot = (m["boot"] + 1) & 0xFFFF
        self.passes, self.strokes = m["passes"], m["strokes"]
        self.save()

    def save(self):
        tmp = self.memory + ".new"
        with open(tmp, "w") as f:
            json.dump({"boot": self.boot, "passes": self.passes, "strokes": self.strokes}, f)
        os.replace(tmp, self.memory)

    def now(self):
        return (time.monotonic_ns() - self.t0) // 1000

    # the line
    def open_line(self):
        self.master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self.master, False)
        name = os.ttyname(slave)
        os.close(slave)          # from here on poll says POLLHUP while no host has it open
        link = self.args.link
        self.link_at = time.monotonic() + self.args.link_delay
        self.linked = False
        self.name = name
        self.poll = select.poll()
        self.poll.register(self.master, select.POLLIN)
        print(f"pen: {link} -> {name}, boot {self.boot}", file=sys.stderr, flush=True)

    def check_host(self):
        if not self.linked and time.monotonic() >= self.link_at:
            self.linked = True
            if os.path.islink(self.args.link):
                os.unlink(self.args.link)
            os.symlink(self.name, self.args.link)
        events = dict(self.poll.poll(0)).get(self.master, 0)
        connected = not events & select.POLLHUP
        if not self.connected and connected:
            self.pending, self.held = self.held, b""
        if self.connected and not connected:
            self.pending = b""
            try:
                termios.tcflush(self.master, termios.TCIOFLUSH)
            except termios.error:
                pass
        self.connected = connected
        return connected

    def write(self, data):
        """A UART: never waits; what does not fit is left out as a whole frame (P-13, P-20)."""
        if not self.connected:
            if self.args.hold and len(self.held) < 128:  # as the FIFO of a USB pen
                self.held += data
            return
        if self.held:
            self.pending, self.held = self.held, b""
        if self.pending:
            self.flush()
        if len(self.pending) > 512:
            self.dropped += 1
            return
        self.pending += data
        self.flush()

    def flush(self):
        try:
            n = os.write(self.master, self.pending)
            self.pending = self.pending[n:]
        except OSError as e:
            if e.errno not in (errno.EAGAIN, errno.EIO):
                raise

    def send(self, kind, t, flags, body):
        self.n_frames += 1
        fault, every = self.args.fault, self.args.every
        if fault == "seq" and kind == SAMPLES and self.n_frames % every == 0:
            self.seq += 3
        seq = self.seq
        if fault == "seqahead" and kind != SAMPLES and self.motor and t >= self.next_sample:
            seq += (t - self.next_sample) // self.PERIOD + 1
        head = struct.pack("<BBHHII", VERSION, kind, self.mode | (F_MOTOR if self.motor else 0) | flags,
                           self.boot, seq & 0xFFFFFFFF, t & 0xFFFFFFFF)
        self.write(frame(head + body, spoil=fault == "crc" and self.n_frames % every == 0))

    # messages
    def fixed(self):
        if self.args.fault == "reduced":
            return struct.pack("<HII", self.dial, 0, 0)
        return struct.pack("<HII", self.dial, self.passes & 0xFFFFFFFF, self.strokes & 0xFFFFFFFF)

    def heartbeat(self):
        self.send(HEARTBEAT, self.now(), self.F_FIXED, self.fixed())

    def identity(self):
        a = self.args
        self.send(IDENTITY, self.now(), 0, text(a.model) + text(a.serial) + text("0.1.0") + text("cal-0007")
                  + text("12-pin demo"))

    def event(self, code, value, t):
        self.send(EVENT, t, 0, struct.pack("<BI", code, value & 0xFFFFFFFF))

    def samples(self, n):
        t = self.next_sample
        depth, freq, contact = [], [], 0
        for i in range(n):
            since = (t + i * self.PERIOD - self.on_at) / 1e6
            hz = 100 + 3 * math.sin(since)
            self.phase += hz * self.PERIOD / 1e6
            depth.append(round(-40 + (self.dial + 40) * (1 - math.cos(2 * math.pi * self.phase)) / 2))
            freq.append(round(10 * hz))
            if since % 3 > 0.4 and self.args.fault != "nocontact":
                contact |= 1 << i
        self.strokes = self.strokes_before + int(self.phase)
        body = (self.fixed() + struct.pack("<HB", self.PERIOD, n) + struct.pack(f"<{n}h", *depth)
                + struct.pack(f"<{n}H", *freq) + contact.to_bytes((n + 7) // 8, "little"))
        if self.args.fault == "reduced":
            body = self.fixed() + struct.pack("<HB", self.PERIOD, n)
        late = self.now() - (t + (n - 1) * self.PERIOD)
        if late <= 40000:
            self.send(SAMPLES, t, self.F_COLUMNS | self.F_FIXED, body)
        else:                    # behind: left out as a whole, and numbered (P-13)
            self.dropped += 1
        self.seq += n
        self.next_sample += n * self.PERIOD

    # what the operator does
    def turn_on(self, t):
        self.motor, self.on_at, self.next_sample = True, t, t + 500
        self.strokes_before, self.phase = self.strokes, 0.0
        self.event(EV_ON, 0, t)

    def turn_off(self, t):
        while self.next_sample + (self.PER_FRAME - 1) * self.PERIOD <= t:
            self.samples(self.PER_FRAME)
        if self.next_sample <= t:                 # the begun frame, short
            self.samples((t - self.next_sample) // self.PERIOD + 1)
        self.motor = False
        self.event(EV_OFF, 0, t)
        self.next_heartbeat = t + 1_000_000
        self.heartbeat()
        self.save()

    def do(self, what):
        t = self.now()
        if what == "m":
            (self.turn_off if self.motor else self.turn_on)(t)
        elif what == "d":
            self.dial_at = (self.dial_at + 1) % len(self.DIALS)
            self.dial = self.DIALS[self.dial_at]
            self.event(EV_DIAL, self.dial, t)
        elif what == "p" and self.F_FIXED & F_PASSES:
            self.passes += 1
            self.event(EV_PASS, self.passes, t)
            self.save()

    # script: seconds within a cycle of 21 s, and what is done then
    SCRIPT = ((2.3, "d"), (10.5, "m"), (13.0, "p"), (15.5, "d"), (18.0, "p"), (21.0, "m"))

    def run(self):
        self.open_line()
        a = self.args
        reboot_at = time.monotonic() + a.reboot_at if a.reboot_at else math.inf
        for s in (signal.SIGTERM, signal.SIGINT):
            signal.signal(s, lambda *_: sys.exit(0))
        def power_on():
            nonlocal cycle, step, next_save
            start = self.booted = self.now()
            self.check_host()
            self.identity()
            self.heartbeat()
            self.next_identity, self.next_heartbeat = start + 5_000_000, start + 1_000_000
            cycle, step = start, 0
            next_save = start + 2_000_000

        cycle = step = next_save = 0
        power_on()
        commands = a.manual
        try:
            while True:
                due = [self.next_identity]
                if self.motor:
                    due.append(self.next_sample + (self.PER_FRAME - 1) * self.PERIOD)
                else:
                    due.append(self.next_heartbeat)
                if not a.manual:
                    due.append(cycle + int(self.SCRIPT[step][0] * 1e6))
                wait = max(0, min(due) - self.now()) / 1e6
                connected = self.check_host()
                if self.pending:
                    self.flush()
                inputs = ([self.master] if connected else []) + ([sys.stdin] if commands else [])
                ready = select.select(inputs, [], [], wait if connected else min(wait, 0.02))[0]
                if self.master in ready:
                    try:
                        data = os.read(self.master, 4096)
                    except OSError:
                        data = b""
                    if self.rx.feed(data) and a.fault != "deaf":
                        self.identity()
                        if a.fault == "timer":
                            self.next_identity = self.now() + 5_000_000
                if sys.stdin in ready:
                    line = sys.stdin.readline()
                    if not line:
                        commands = False
                    for c in line.strip():
                        self.do(c)
                if self.pending:
                    self.flush()
                if time.monotonic() >= reboot_at:
                    reboot_at = math.inf
                    self.save()
                    time.sleep(1.5)
                    self.start()
                    power_on()
                now = self.now()
                while self.motor and self.next_sample + (self.PER_FRAME - 1) * self.PERIOD <= now:
                    self.samples(self.PER_FRAME)
                if not self.motor and self.next_heartbeat <= now:
                    self.heartbeat()
                    self.next_heartbeat += 1_000_000
                if a.again and now - self.booted >= a.again * 1e6:
                    a.again = 0
                    self.identity()
                if self.next_identity <= now:
                    self.identity()
                    self.next_identity += 5_000_000
                if not a.manual and cycle + int(self.SCRIPT[step][0] * 1e6) <= now:
                    self.do(self.SCRIPT[step][1])
                    step += 1
                    if step == len(self.SCRIPT):
                        cycle, step = cycle + int(self.SCRIPT[-1][0] * 1e6), 0
                if self.motor and now >= next_save:
                    self.save()
                    next_save = now + 2_000_000
        finally:
            self.save()
            if os.path.islink(a.link):
                os.unlink(a.link)
            print(f"pen: off, {self.n_frames} frames, {self.dropped} left out", file=sys.stderr)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--link", required=True)
    p.add_argument("--memory", default="/tmp/stranger/pen.nvm")
    p.add_argument("--mode", choices=MODES, default="demo")
    p.add_argument("--model", default="STRANGER-1")
    p.add_argument("--serial", default="S0001")
    p.add_argument("--clock", type=int, default=0, help="µs the clock stands at power-on")
    p.add_argument("--manual", action="store_true", help="m, d, p on stdin: motor, dial, pass")
    p.add_argument("--fault", choices=("crc", "seq", "deaf", "seqahead", "timer", "nocontact", "reduced"))
    p.add_argument("--hold", action="store_true", help="keep the power-on frames until a host opens the port")
    p.add_argument("--link-delay", type=float, default=0, help="s from power-on until the port is there")
    p.add_argument("--again", type=float, default=0, help="s after power-on: identity once more, unasked")
    p.add_argument("--reboot-at", type=float, default=0, help="s after the first start: off for 1.5 s, then on again")
    p.add_argument("--every", type=int, default=100)
    Pen(p.parse_args()).run()


if __name__ == "__main__":
    main()
