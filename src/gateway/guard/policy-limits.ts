import type { KnownMethods, Limits } from './policy.ts';
import type { YamlValue } from './policy-file.ts';

/** The mapping under `limits`, and the request fields that state a sample rate where there is a cap on it. */
export function parseLimits(
  item: YamlValue | undefined,
  methods: readonly string[],
  known: KnownMethods,
): { readonly limits: Limits; readonly sampleRates: ReadonlyMap<string, readonly (readonly string[])[]> } {
  if (item === undefined) return { limits: {}, sampleRates: new Map() };
  const members = item.members([], ['concurrentStreams', 'requestsPerMinute', 'bytesPerSecond', 'maxSampleRateHz']);
  const limits: { -readonly [Key in keyof Limits]: Limits[Key] } = {};
  for (const key of ['concurrentStreams', 'requestsPerMinute', 'bytesPerSecond'] as const) {
    const limit = members[key]?.integer();
    if (limit === undefined) continue;
    if (limit < 1) members[key]?.fail(`${key} is ${limit}; write a positive number, or remove the rule to deny`);
    limits[key] = limit;
  }
  const { maxSampleRateHz } = members;
  if (maxSampleRateHz === undefined) return { limits, sampleRates: new Map() };
  const capHz = maxSampleRateHz.number();
  if (capHz <= 0)
    maxSampleRateHz.fail(`maxSampleRateHz is ${capHz}; write a positive number, or remove the rule to deny`);
  const hidden = methods.find((method) => known.sampleRates(method).hidden);
  if (hidden !== undefined) {
    maxSampleRateHz.fail(
      `${hidden} gives out bodies whose sample rate nobody can read; move that method to an entry without the cap`,
    );
  }
  const paths = methods.map((method) => {
    const fields = known.sampleRates(method).request;
    return [method, fields.map((field) => field.split('.'))] as const;
  });
  return { limits: { ...limits, maxSampleRateHz: capHz }, sampleRates: new Map(paths) };
}
