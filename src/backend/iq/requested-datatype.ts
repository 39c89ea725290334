import { PassbandError } from '../../errors.ts';
import { DATATYPES, type Datatype, isDatatype } from './formats.ts';

/**
 * The datatype that a request names.
 *
 * @param otherwise that of a request which names none.
 * @throws PassbandError INVALID_ARGUMENT
 */
export function requestedDatatype(asked: string, otherwise: Datatype): Datatype {
  if (asked === '') return otherwise;
  if (isDatatype(asked)) return asked;
  throw new PassbandError('INVALID_ARGUMENT', `datatype must be one of ${DATATYPES.join(', ')}, or empty`);
}
