/** What a source has brought since its hub began. */
export interface SourceCounts {
  /** Complex samples that came. */
  readonly producedSamples: number;
  /** Complex samples that lie in gaps of the index. */
  readonly lostSamples: number;
  /** Times that it failed. */
  readonly faults: number;
  /** Numbers (I or Q) that the correction of Doppler made too large for the source's own datatype. */
  readonly saturatedValues: number;
}
