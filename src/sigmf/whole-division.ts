/** Divides whole numbers towards minus infinity: the remainder is never negative, as times before 1970 need it. */
export function wholeDivision(dividend: bigint, divisor: bigint): { readonly quotient: bigint; readonly rest: bigint } {
  const rest = ((dividend % divisor) + divisor) % divisor;
  return { quotient: (dividend - rest) / divisor, rest };
}
