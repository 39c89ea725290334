import type { Subject } from './subject.ts';
import type { TimeWindow } from './time-window.ts';

export { DEV_POLICY } from './dev-policy.ts';
export { parsePolicy } from './policy-parse.ts';
export { type NameSubject, SUBJECT_KINDS, type Subject, type SubjectKind } from './subject.ts';

/** What a caller may use at most under an entry; what is absent is left to the gateway's own limits. */
export interface Limits {
  /** Streams open at a time. */
  readonly concurrentStreams?: number;
  /** Requests begun in a minute, which begins with its first; the next begins with the first after it. */
  readonly requestsPerMinute?: number;
  /** Bytes of answers a second, all streams and answers of the caller under the entry together. */
  readonly bytesPerSecond?: number;
  /** Highest sample rate that may be asked for or received, hertz. */
  readonly maxSampleRateHz?: number;
}

/** Within which limits something is allowed, and what else counts under them. */
export interface Allowance {
  /** Entry.id of what allows it. */
  readonly entry: string;
  readonly limits: Limits;
}

/** A condition on one request field. */
export interface FieldCondition {
  /** Proto field names from the request message inwards. */
  readonly path: readonly string[];
  readonly test: FieldTest;
  /**
   * The value that a field has by not being there: the default of a number, bool or enum without presence, as proto3
   * leaves it out on the wire. Undefined where absence matches nothing.
   */
  readonly absent: string | undefined;
}

/** What must be true of a field's value. */
export type FieldTest =
  /** Its text matches one of the patterns. */
  | { readonly kind: 'patterns'; readonly patterns: readonly string[] }
  /** It is one of these: names and numbers of an enum's values. */
  | { readonly kind: 'values'; readonly values: readonly string[] }
  /** It is a number from min to max, both included; infinite where nothing is said. */
  | { readonly kind: 'bounds'; readonly min: number; readonly max: number };

/** One entry of a rule's `allow`: methods, and the conditions under which they may be called. */
export interface Entry {
  /**
   * What is counted under its limits is counted by this: its place in its rule, from 1, and the rule's name. So no two
   * entries of a policy share a count, and a policy that is read again goes on counting.
   */
  readonly id: string;
  /** `*`, or patterns of "package.Service/Method". */
  readonly methods: readonly string[];
  /** All of them must hold; empty when the request does not matter. */
  readonly where: readonly FieldCondition[];
  /** Any of them must be open; empty when time does not matter. */
  readonly when: readonly TimeWindow[];
  readonly limits: Limits;
  /** Request fields that state a sample rate, by method: filled where limits has a cap on it. */
  readonly sampleRates: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Where it stands in the file, counted from 1. */
  readonly line: number;
}

/** One rule: who may do what. */
export interface Rule {
  readonly name: string;
  /**
   * Whether the rule's `where` is on trial (`mode: shadow`): it then lets pass whatever its subjects and methods match,
   * and the decision names the rule where its `where` would have had the request denied.
   */
  readonly shadow: boolean;
  /** Any of them is enough. */
  readonly subjects: readonly Subject[];
  readonly allow: readonly Entry[];
  /** Where it stands in the file, counted from 1. */
  readonly line: number;
}

/** A policy as parsed, checked and frozen by parsePolicy. What no rule allows is denied. */
export interface Policy {
  /** Peers whose forwarded identities the backend believes. */
  readonly delegates: readonly Subject[];
  /** In the order of the file, at least one. */
  readonly rules: readonly Rule[];
}

/** What a policy must know of a request field. */
export interface KnownField {
  readonly kind: 'text' | 'number' | 'bool' | 'enum' | 'bytes';
  /** Whether the field knows "not set" from its default. */
  readonly presence: boolean;
  /** Numbers of an enum's values by their names. */
  readonly values?: ReadonlyMap<string, number>;
}

/** What there is to be allowed, for checking a policy against. */
export interface KnownMethods {
  /** Every method as "package.Service/Method", the gateway's own pages as "passband.Gateway/…". */
  names(): Iterable<string>;
  /**
   * A field of a method's request that has a value of its own, one or, in lists and maps, many. `fieldPath` is proto field names
   * joined by dots, of a map's entries `key` and `value`; undefined for anything else.
   */
  field(method: string, fieldPath: string): KnownField | undefined;
  /** How a cap on the sample rate can be held. */
  sampleRates(method: string): {
    /** Request fields that state one, proto field names joined by dots. */
    readonly request: readonly string[];
    /** True when the method gives out bodies of which nobody can tell the rate. */
    readonly hidden: boolean;
  };
}
