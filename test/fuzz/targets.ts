import type { AnyTarget, FuzzTarget } from './target.ts';

const open = <Input>(target: FuzzTarget<Input>): AnyTarget => target as AnyTarget;

/** Everything that is fuzzed, by name: the parsers that read what comes from outside, and the decision over it all. */
export const TARGETS: Readonly<Record<string, () => Promise<AnyTarget>>> = {
  accept: async () => open(await (await import('./targets/accept.ts')).acceptTarget()),
  certificate: async () => open(await (await import('./targets/certificate.ts')).certificateTarget()),
  decision: async () => open(await (await import('./targets/decision.ts')).decisionTarget()),
  'gnuradio-message': async () => open(await (await import('./targets/gnuradio-message.ts')).gnuradioMessageTarget()),
  'json-body': async () => open(await (await import('./targets/json-body.ts')).jsonBodyTarget()),
  policy: async () => open(await (await import('./targets/policy.ts')).policyTarget()),
  query: async () => open(await (await import('./targets/query.ts')).queryTarget()),
  'revocation-list': async () => open(await (await import('./targets/revocation-list.ts')).revocationListTarget()),
  template: async () => open(await (await import('./targets/template.ts')).templateTarget()),
};

/** Targets with a fault, by which the runner itself is tested. */
export const FAULTY_TARGETS: Readonly<Record<string, () => Promise<AnyTarget>>> = {
  crashes: async () => open((await import('./targets/faulty.ts')).crashes),
  hangs: async () => open((await import('./targets/faulty.ts')).hangs),
  crawls: async () => open((await import('./targets/faulty.ts')).crawls),
};
