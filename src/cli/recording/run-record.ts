import { StreamFault } from './frame-stream.ts';
import { outputFiles, type RecordOrder } from './record-order.ts';
import { openOutput } from './record-output.ts';
import { RecordProgress } from './record-progress.ts';
import { type Missing, type Recorded, SampleRecorder } from './record-samples.ts';
import { resumedFrames } from './resumed-frames.ts';

/** Exit code for a recording that ended before its length. */
const EXIT_SHORT = 1;
/** Exit code for one that has its length, with samples missing in it. */
const EXIT_GAPS = 3;

/** How a recording went. */
export interface RecordOutcome {
  readonly exitCode: number;
  /** What was written, in lines; empty when nothing was. */
  readonly text: string;
}

/** Records until the order is fulfilled or a signal ends it. Progress and what is missing go to standard error. */
export async function runRecord(order: RecordOrder): Promise<RecordOutcome> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, interrupt);
  const progress = new RecordProgress(process.stderr);
  const recorded = await record(order, interrupted.signal, progress).finally(() => progress.end());
  const { notes, missing } = recorded;
  if (notes === undefined) {
    progress.say('no sample came; nothing is written');
    return { exitCode: EXIT_SHORT, text: '' };
  }
  const { datatype, sampleRateHz } = notes.facts;
  const length = `${notes.samples} samples of ${datatype}, ${(notes.samples / sampleRateHz).toFixed(3)} s`;
  const gaps = missing === undefined ? '' : `, ${missingText(missing)} missing, ${notes.captures} captures`;
  const text = `${outputFiles(order).join(', ')}: ${length}${gaps}\nsha512 ${notes.sha512()}\n`;
  const isEndless = order.samples === undefined && order.seconds === undefined;
  const isShort = !recorded.isWhole && !(isEndless && interrupted.signal.aborted);
  return { exitCode: isShort ? EXIT_SHORT : missing === undefined ? 0 : EXIT_GAPS, text };
}

/** How many are missing, where that is known. */
function missingText({ samples, uncountedS }: Missing): string {
  if (uncountedS === undefined) return String(samples);
  const uncounted = `an unknown number (about ${uncountedS.toFixed(1)} s by the clock)`;
  return samples === 0 ? uncounted : `${samples} and ${uncounted}`;
}

async function record(order: RecordOrder, signal: AbortSignal, progress: RecordProgress): Promise<Recorded> {
  const output = await openOutput(order);
  const recorder = new SampleRecorder(order, output, progress);
  try {
    for await (const frame of resumedFrames(order, signal, (sentence) => progress.say(sentence))) {
      if (await recorder.take(frame)) break;
    }
    if (!recorder.recorded.isWhole && !signal.aborted) progress.say('the stream of the station has ended');
  } catch (error) {
    if (!(error instanceof StreamFault)) {
      await output.discard();
      throw error;
    }
    progress.say(error.message);
  }
  const { recorded } = recorder;
  if (recorded.notes === undefined) await output.discard();
  else await output.finish(recorded.notes);
  return recorded;
}
