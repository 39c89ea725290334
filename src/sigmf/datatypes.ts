/** A datatype of SigMF 1.2.5, taken apart. */
export interface SigmfDatatype {
  readonly isComplex: boolean;
  /** Kind of its numbers. */
  readonly component: 'f32' | 'f64' | 'i32' | 'i16' | 'u32' | 'u16' | 'i8' | 'u8';
  readonly isBigEndian: boolean;
  readonly bytesPerComponent: 1 | 2 | 4 | 8;
}

const NAME = /^([rc])(f32|f64|i32|i16|u32|u16|i8|u8)(?:_([lb])e)?$/;
const BYTES = { f32: 4, f64: 8, i32: 4, i16: 2, u32: 4, u16: 2, i8: 1, u8: 1 } as const;

/** Takes apart the name of a datatype, as the metadata's reader let it pass. @throws RangeError for no such name. */
export function sigmfDatatype(name: string): SigmfDatatype {
  const [, kind, found, order] = NAME.exec(name) ?? [];
  if (found === undefined || !Object.hasOwn(BYTES, found)) throw new RangeError(`${name} is no SigMF datatype`);
  const component = found as keyof typeof BYTES;
  return { isComplex: kind === 'c', component, isBigEndian: order === 'b', bytesPerComponent: BYTES[component] };
}
