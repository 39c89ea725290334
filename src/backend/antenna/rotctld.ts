import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import { RetryDelays } from '../iq/sources/retry-delays.ts';
import type { MountLimits } from './axis-azimuth.ts';
import type { RotctldConfig } from './config.ts';
import { type RotctldAnswer, RotctldConnection, refusalOf } from './rotctld-connection.ts';
import { type AxisAim, type MountReading, NO_READING, type Rotor } from './rotor.ts';

/** Until the rotor has told its own. */
const UNKNOWN_LIMITS: MountLimits = { minAzimuthDeg: 0, maxAzimuthDeg: 360, minElevationDeg: 0, maxElevationDeg: 90 };
/** Milliseconds between two commands: rotors on a serial line at 9600 Bd take no more. */
const COMMAND_INTERVAL_MS = 500;
/** Degrees beyond which a number is none of a rotor. */
const SANE_DEG = 1_440;

/** A number behind a label, such as `Azimuth: 12.50` or `max_az=450.000000`. */
function numberOf(answer: RotctldAnswer, label: RegExp): number {
  const line = answer.lines.find((each) => label.test(each));
  const [, text] = /^[^:=]*[:=] *(-?\d{1,6}(?:\.\d{0,9})?)$/.exec(line?.trim() ?? '') ?? [];
  const value = text === undefined ? Number.NaN : Number(text);
  if (Math.abs(value) <= SANE_DEG) return value;
  throw new PassbandError('UNAVAILABLE', 'rotctld answers something else than its protocol says');
}

function limitsOf(answer: RotctldAnswer): MountLimits {
  const limits = {
    minAzimuthDeg: numberOf(answer, /^(Minimum Azimuth:|min_az=)/),
    maxAzimuthDeg: numberOf(answer, /^(Maximum Azimuth:|max_az=)/),
    minElevationDeg: numberOf(answer, /^(Minimum Elevation:|min_el=)/),
    maxElevationDeg: numberOf(answer, /^(Maximum Elevation:|max_el=)/),
  };
  if (limits.minAzimuthDeg < limits.maxAzimuthDeg && limits.minElevationDeg <= limits.maxElevationDeg) return limits;
  throw new PassbandError('UNAVAILABLE', 'rotctld states limits that hold nothing');
}

/**
 * A rotor behind Hamlib's rotctld. It connects by itself, asks for the limits, and connects again when it was cut off.
 * Motors, wind and temperature are not part of the protocol.
 */
export class RotctldRotor implements Rotor {
  readonly azimuthRateDegS = undefined;
  readonly commandIntervalMs = COMMAND_INTERVAL_MS;
  readonly turnsPolarization = false;
  readonly #config: RotctldConfig;
  readonly #clock: Clock;
  readonly #onFault: () => void;
  readonly #delays = new RetryDelays();
  #limits = UNKNOWN_LIMITS;
  #connection: RotctldConnection | undefined;
  #isReady = false;
  #fault: PassbandError | undefined;
  #lastReading = NO_READING;
  #reading: Promise<MountReading> | undefined;
  #cancelRetry: (() => void) | undefined;
  /** Undefined until it is known. */
  #isWell: boolean | undefined;
  #isClosed = false;

  /** @param onFault is told when it cannot be reached, or does not say where it is: once until it does again. */
  constructor(config: RotctldConfig, clock: Clock, onFault: () => void = () => {}) {
    this.#config = config;
    this.#clock = clock;
    this.#onFault = onFault;
    this.#fault = new PassbandError('UNAVAILABLE', 'the rotctld of the antenna is not connected yet');
    this.#connect();
  }

  get limits(): MountLimits {
    return this.#limits;
  }

  get fault(): PassbandError | undefined {
    return this.#fault;
  }

  get lastReading(): MountReading {
    const isWell = this.#fault === undefined;
    return { ...this.#lastReading, azimuthMotorOk: isWell, elevationMotorOk: isWell };
  }

  /** One question serves all who ask at the same time. */
  read(): Promise<MountReading> {
    this.#reading ??= this.#ask('get_pos')
      .then((answer) => {
        if (answer.report !== 0) throw new PassbandError('UNAVAILABLE', refusalOf(answer));
        this.#lastReading = {
          ...NO_READING,
          axisAzimuthDeg: numberOf(answer, /^Azimuth:/),
          elevationDeg: numberOf(answer, /^Elevation:/),
        };
        this.#isWell = true;
        return this.lastReading;
      })
      .catch((error: unknown) => {
        // Else it is not asked, and whoever connects it knows more.
        if (this.#isReady) this.#broken();
        throw error;
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  async pointTo({ axisAzimuthDeg, elevationDeg }: AxisAim): Promise<void> {
    const answer = await this.#ask(`set_pos ${axisAzimuthDeg.toFixed(4)} ${elevationDeg.toFixed(4)}`);
    if (answer.report !== 0) throw new PassbandError('FAILED_PRECONDITION', refusalOf(answer));
  }

  turnPolarization(): void {}

  async stop(): Promise<void> {
    const answer = await this.#ask('stop');
    if (answer.report !== 0) throw new PassbandError('FAILED_PRECONDITION', refusalOf(answer));
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#connection?.close();
  }

  #broken(): void {
    if (this.#isWell === false || this.#isClosed) return;
    this.#isWell = false;
    this.#onFault();
  }

  #ask(command: string): Promise<RotctldAnswer> {
    if (this.#connection !== undefined && this.#isReady) return this.#connection.ask(command);
    return Promise.reject(this.#fault);
  }

  #connect(): void {
    const connection = new RotctldConnection(
      this.#config,
      this.#clock,
      () => this.#greet(connection).catch((error: unknown) => this.#lose(connection, PassbandError.from(error))),
      (fault) => this.#lose(connection, fault),
    );
    this.#connection = connection;
  }

  async #greet(connection: RotctldConnection): Promise<void> {
    const state = await connection.ask('dump_state');
    if (state.report !== 0) throw new PassbandError('UNAVAILABLE', refusalOf(state));
    this.#limits = limitsOf(state);
    this.#isReady = true;
    await this.read();
    this.#fault = undefined;
    this.#delays.reset();
  }

  #lose(connection: RotctldConnection, fault: PassbandError): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#isReady = false;
    this.#fault = fault;
    this.#broken();
    connection.close();
    if (this.#isClosed) return;
    this.#cancelRetry = this.#clock.after(this.#delays.next(), () => this.#connect());
  }
}
