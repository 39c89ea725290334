import { PassbandError } from '../../../errors.ts';
import { aSource, type FrontEnd, type SourceKind } from './source.ts';

/** For sources that have no receiver of their own. @throws PassbandError FAILED_PRECONDITION where a front end is to be set. */
export function refuseFrontEnd(kind: SourceKind, { gainDb, frequencyCorrectionPpm }: FrontEnd): void {
  if (gainDb === undefined && frequencyCorrectionPpm === undefined) return;
  throw new PassbandError('FAILED_PRECONDITION', `${aSource(kind)} has no gain and no oscillator to set`);
}
