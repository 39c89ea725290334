import { connect, type Socket } from 'node:net';
import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';

/** Milliseconds for connecting, and for one answer. Serial rotors behind rotctld answer within some hundred. */
const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 3_000;
/** Bytes of one answer at most; the longest, that of dump_state, has about 300. */
const MAX_ANSWER_BYTES = 8_192;
/** Commands that may wait for their turn; more is a rotor that cannot keep up. */
const MAX_WAITING = 32;

/** What Hamlib's numbers mean (include/hamlib/rig.h, negated). */
const FAULTS: Readonly<Record<string, string>> = {
  '-1': 'invalid parameter, or outside its limits',
  '-2': 'invalid configuration',
  '-4': 'it cannot do that',
  '-5': 'the rotor does not answer in time',
  '-6': 'input or output error',
  '-8': 'protocol error',
  '-9': 'rejected by the rotor',
  '-11': 'not available',
};

/** An answer of the extended protocol: lines, the last of which is `RPRT` and a number. */
export interface RotctldAnswer {
  readonly lines: readonly string[];
  /** 0, or a negative number of Hamlib. */
  readonly report: number;
}

/** What messages call it: callers see them, and where it runs is none of their business. */
const ROTCTLD = 'the rotctld of the antenna';

interface Question {
  readonly command: string;
  readonly answered: (answer: RotctldAnswer) => void;
  readonly failed: (fault: PassbandError) => void;
}

/** The sentence for a refusal. */
export function refusalOf({ report }: RotctldAnswer): string {
  return `rotctld refuses with RPRT ${report}: ${FAULTS[String(report)] ?? 'see Hamlib for the number'}`;
}

/**
 * One connection to a rotctld, which answers one command after the other. Commands are sent in the extended form
 * (`+\name`), whose answers all end alike. Anything out of form, late or endless ends the connection.
 *
 * Source: rotctld(1) of Hamlib 4.
 */
export class RotctldConnection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #ended: (fault: PassbandError) => void;
  readonly #waiting: Question[] = [];
  #asked: Question | undefined;
  #cancelTimeout: () => void;
  #received = '';
  #fault: PassbandError | undefined;

  /**
   * @param ready is told when it is connected.
   * @param ended is told once, when it is over, and why.
   */
  constructor(
    where: { readonly host: string; readonly port: number },
    clock: Clock,
    ready: () => void,
    ended: (fault: PassbandError) => void,
  ) {
    this.#clock = clock;
    this.#ended = ended;
    this.#socket = connect({ host: where.host, port: where.port, noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#cancelTimeout = clock.after(CONNECT_TIMEOUT_MS, () => this.#fail('cannot be reached in time'));
    this.#socket.once('connect', () => {
      this.#cancelTimeout();
      ready();
    });
    this.#socket.on('data', (text: string) => this.#take(text));
    this.#socket.on('error', (error) => this.#fail('cannot be reached', error));
    this.#socket.on('close', () => this.#fail('has closed the connection'));
  }

  /** @throws PassbandError UNAVAILABLE when it does not answer; a refusal is an answer. */
  ask(command: string): Promise<RotctldAnswer> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new PassbandError('UNAVAILABLE', `${ROTCTLD} is busy: too many commands wait`));
    }
    return new Promise((answered, failed) => {
      this.#waiting.push({ command, answered, failed });
      this.#askNext();
    });
  }

  /** Ends it; nobody is told. */
  close(): void {
    this.#fault ??= new PassbandError('UNAVAILABLE', `${ROTCTLD} is not asked any more`);
    this.#end(this.#fault);
  }

  #askNext(): void {
    if (this.#asked !== undefined) return;
    const question = this.#waiting.shift();
    if (question === undefined) return;
    this.#asked = question;
    this.#received = '';
    this.#cancelTimeout = this.#clock.after(ANSWER_TIMEOUT_MS, () => this.#fail('does not answer in time'));
    this.#socket.write(`+\\${question.command}\n`);
  }

  #take(text: string): void {
    // What nobody asked for would be taken for the next answer.
    if (this.#asked === undefined) {
      this.#fail('sends what nobody asked for');
      return;
    }
    this.#received += text;
    const end = /^RPRT (-?\d{1,4})\r?\n/m.exec(this.#received);
    if (end === null) {
      if (this.#received.length > MAX_ANSWER_BYTES) this.#fail('sends an answer without an end');
      return;
    }
    if (end.index + end[0].length !== this.#received.length) {
      this.#fail('sends what nobody asked for');
      return;
    }
    const lines = this.#received.slice(0, end.index).split(/\r?\n/);
    const { answered } = this.#asked;
    this.#asked = undefined;
    this.#cancelTimeout();
    answered({ lines, report: Number(end[1]) });
    this.#askNext();
  }

  #fail(what: string, cause?: unknown): void {
    if (this.#fault !== undefined) return;
    this.#fault = new PassbandError('UNAVAILABLE', `${ROTCTLD} ${what}`, cause === undefined ? {} : { cause });
    this.#end(this.#fault);
    this.#ended(this.#fault);
  }

  #end(fault: PassbandError): void {
    this.#cancelTimeout();
    this.#socket.destroy();
    const open = [...(this.#asked === undefined ? [] : [this.#asked]), ...this.#waiting.splice(0)];
    this.#asked = undefined;
    for (const { failed } of open) failed(fault);
  }
}
