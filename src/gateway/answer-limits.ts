import type { MethodDescriptor } from '../descriptors.ts';
import { PassbandError } from '../errors.ts';
import { sampleRateReader } from '../sample-rate.ts';
import type { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { sampleRateReason } from './guard/decide.ts';
import type { Turns } from './guard/turns.ts';

/**
 * Holds messages to the cap on the sample rate that the caller has: what is returned looks at one and throws. Undefined
 * for methods whose messages state no rate. The cap is that of the moment, since a policy may change under a stream.
 */
export function sampleRateCheck(
  method: MethodDescriptor,
  exchange: Exchange,
): ((bytes: Uint8Array) => void) | undefined {
  const rateOf = sampleRateReader(method.response);
  if (rateOf === undefined) return undefined;
  return (bytes) => {
    const { decision } = exchange.grant ?? {};
    const capHz = decision?.limits.maxSampleRateHz;
    if (decision === undefined || capHz === undefined || rateOf(bytes) <= capHz) return;
    throw new PassbandError('PERMISSION_DENIED', sampleRateReason(decision.rule, capHz));
  };
}

/** The pace at which a caller may be sent bytes now; undefined without a limit. */
export function paceOf({ admission }: Gateway, { identity, grant }: Exchange): Turns | undefined {
  if (identity === undefined || grant === undefined) return undefined;
  return admission.pace(identity, grant.decision);
}

/** Counts an answer that was given at once against the caller's bytes a second. */
export function countAnswer(gateway: Gateway, exchange: Exchange): void {
  if (exchange.request.method !== 'HEAD') paceOf(gateway, exchange)?.spend(exchange.bytesOut);
}
