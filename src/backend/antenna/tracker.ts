import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Station } from '../stations/station.ts';
import { DopplerDrive } from './doppler-drive.ts';
import type { AxisAim, Rotor } from './rotor.ts';
import { Steering } from './steering.ts';
import { OrbitTarget, type Target, type TargetState } from './target.ts';

/** Milliseconds between two steps: the Doppler shift and the aim are as fresh as that. */
export const STEP_MS = 100;

/** Degrees below which a new aim is not worth a command. */
const SAME_AIM_DEG = 0.001;

/** What an antenna follows, and from which elevation on. */
export interface TrackingOrder {
  /** Name of the satellite, for people. */
  readonly name: string;
  readonly target: Target;
  readonly minElevationDeg: number;
}

/** What a tracker needs of its surroundings. */
export interface TrackerContext {
  readonly station: Station;
  readonly rotor: Rotor;
  readonly clock: Clock;
  /** Is told once that the tracking came to an end by itself, and why. */
  readonly ended: (reason: PassbandError) => void;
}

/** Follows one target: steers the antenna and keeps the station's Doppler correction on it, until it is stopped. */
export class Tracker {
  readonly #context: TrackerContext;
  readonly #doppler: DopplerDrive;
  #order: TrackingOrder;
  #steering: Steering;
  readonly #cancelTimer: () => void;
  #aim: AxisAim | undefined;
  #commanding = false;
  #nextCommandMs = Number.NEGATIVE_INFINITY;
  #commandFault: PassbandError | undefined;
  #isOver = false;

  /** Begins to follow at once. @throws PassbandError FAILED_PRECONDITION when the station is stopped. */
  constructor(order: TrackingOrder, context: TrackerContext) {
    context.station.requireRunning();
    this.#context = context;
    this.#order = order;
    this.#steering = new Steering(order.target, context.rotor, order.minElevationDeg);
    this.#doppler = new DopplerDrive(context.station.hub, context.clock);
    this.#step();
    this.#cancelTimer = context.clock.every(STEP_MS, () => this.#stepOrEnd());
  }

  get name(): string {
    return this.#order.name;
  }

  /** Where the antenna was last sent; undefined while it waits. */
  get aim(): AxisAim | undefined {
    return this.#aim;
  }

  /** The shift that is corrected, Hz. */
  get dopplerHz(): number {
    return this.#doppler.shiftHz;
  }

  /** Why the antenna does not take commands; undefined while it does. */
  get fault(): PassbandError | undefined {
    return this.#context.rotor.fault ?? this.#commandFault;
  }

  /** Where the target is now. */
  get targetState(): TargetState {
    return this.#order.target.stateAt(this.#nowMs());
  }

  /** Whether the antenna is on the target, and does not wait for it to rise. */
  isFollowing({ elevationDeg }: TargetState): boolean {
    return this.#aim !== undefined && elevationDeg >= this.#order.minElevationDeg;
  }

  get isInKeyhole(): boolean {
    return this.#steering.isBehindAt(this.#nowMs());
  }

  /** Days since the epoch of the elements that are predicted from; undefined without any. */
  get elementSetAgeDays(): number | undefined {
    const { target } = this.#order;
    return target instanceof OrbitTarget ? target.orbit.ageDays(this.#nowMs()) : undefined;
  }

  /** Settles when no plan is being made. */
  get settled(): Promise<void> {
    return this.#steering.settled;
  }

  /** Follows something else from now on. */
  follow(order: TrackingOrder): void {
    const { target, minElevationDeg } = order;
    if (target !== this.#order.target || minElevationDeg !== this.#order.minElevationDeg) {
      this.#steering = new Steering(target, this.#context.rotor, minElevationDeg);
    }
    this.#order = order;
  }

  /** Follows no more: the antenna stops where it is, and no Doppler shift is corrected. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#doppler.release();
    // A rotor that cannot be reached cannot be stopped either; its fault is seen in the status.
    this.#context.rotor.stop().catch(() => undefined);
  }

  #stepOrEnd(): void {
    try {
      if (this.#context.station.counters === undefined) {
        throw new PassbandError('FAILED_PRECONDITION', `station ${this.#context.station.id} was stopped`);
      }
      this.#step();
    } catch (error) {
      this.stop();
      this.#context.ended(PassbandError.from(error));
    }
  }

  #step(): void {
    this.#doppler.follow(this.#order.target);
    const { rotor } = this.#context;
    const nowMs = this.#nowMs();
    // A command holds until the next one: halfway between them it is right.
    const intervalMs = Math.max(rotor.commandIntervalMs, STEP_MS);
    const aim = this.#steering.aimAt(nowMs + intervalMs / 2);
    if (aim === undefined || this.#commanding || nowMs < this.#nextCommandMs || this.#isSame(aim)) return;
    this.#nextCommandMs = nowMs + intervalMs - STEP_MS / 2;
    this.#command(aim);
  }

  #isSame({ axisAzimuthDeg, elevationDeg }: AxisAim): boolean {
    return (
      this.#aim !== undefined &&
      this.#commandFault === undefined &&
      Math.abs(axisAzimuthDeg - this.#aim.axisAzimuthDeg) < SAME_AIM_DEG &&
      Math.abs(elevationDeg - this.#aim.elevationDeg) < SAME_AIM_DEG
    );
  }

  #command(aim: AxisAim): void {
    this.#commanding = true;
    this.#aim = aim;
    this.#context.rotor
      .pointTo(aim)
      .then(
        () => {
          this.#commandFault = undefined;
        },
        (error: unknown) => {
          this.#commandFault = PassbandError.from(error);
        },
      )
      .finally(() => {
        this.#commanding = false;
      });
  }

  #nowMs(): number {
    return Number(this.#context.clock.wallNs()) / 1e6;
  }
}
