import { Presets, SingleBar } from 'cli-progress';

/** Milliseconds between two lines of progress where there is no terminal. */
const LINE_MS = 5000;

/** Where progress is shown: a terminal gets a bar, anything else a line every few seconds. */
export interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** Shows how far a recording is. */
export class RecordProgress {
  readonly #stream: ProgressStream;
  #bar: SingleBar | undefined;
  #lineMs = performance.now();

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  progress(samples: number, wanted: number | undefined, sampleRateHz: number): void {
    const seconds = (count: number): string => (count / sampleRateHz).toFixed(1);
    if (this.#stream.isTTY === true && wanted !== undefined) {
      this.#bar ??= this.#begin(wanted);
      this.#bar.update(samples, { seconds: seconds(samples), of: seconds(wanted) });
    } else if (performance.now() - this.#lineMs >= LINE_MS) {
      this.#lineMs = performance.now();
      const of = wanted === undefined ? '' : ` of ${seconds(wanted)}`;
      this.#stream.write(`${seconds(samples)}${of} s, ${samples} samples\n`);
    }
  }

  /** Says something besides. */
  say(sentence: string): void {
    if (this.#bar !== undefined) this.#stream.write('\r\u001b[K');
    this.#stream.write(`${sentence}\n`);
    this.#bar?.render();
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #begin(wanted: number): SingleBar {
    const format = '{bar} {percentage} %  {seconds} of {of} s  {eta_formatted} left';
    // Drawn again as it is: a sentence may have taken its place.
    const options = { format, stream: this.#stream, hideCursor: true, fps: 5, forceRedraw: true };
    const bar = new SingleBar(options, Presets.shades_classic);
    bar.start(wanted, 0, { seconds: '0.0', of: '0.0' });
    return bar;
  }
}
