import { StreamFault } from './frame-stream.ts';
import { outputFiles, type RecordOrder } from './record-order.ts';
import { OutputFault, openOutput } from './record-output.ts';
import { type ProgressStream, RecordProgress } from './record-progress.ts';
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

/**
 * Records until the order is fulfilled or a signal ends it.
 *
 * @param told where progress and what is missing are told.
 */
export async function runRecord(order: RecordOrder, told: ProgressStream): Promise<RecordOutcome> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, interrupt);
  const progress = new RecordProgress(told);
  let recorded: Recorded;
  try {
    recorded = await record(order, interrupted.signal, progress);
  } catch (error) {
    if (!(error instanceof OutputFault)) throw error;
    progress.say(error.message);
    return { exitCode: EXIT_SHORT, text: '' };
  } finally {
    progress.end();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, interrupt);
  }
  const { notes, missing } = recorded;
  if (notes === undefined) {
    progress.say('no sample was recorded; nothing is written');
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

/**
 * Whatever ends it, what has come is kept: it may have come for hours, and never comes again.
 *
 * @throws OutputFault when what has come cannot be finished.
 */
async function record(order: RecordOrder, signal: AbortSignal, progress: RecordProgress): Promise<Recorded> {
  const output = await openOutput(order);
  const recorder = new SampleRecorder(order, output, progress);
  let fault: { readonly error: unknown } | undefined;
  try {
    for await (const frame of resumedFrames(order, signal, (sentence) => progress.say(sentence))) {
      if (await recorder.take(frame)) break;
    }
    if (!recorder.recorded.isWhole && !signal.aborted) progress.say('the stream of the station has ended');
  } catch (error) {
    if (error instanceof StreamFault || error instanceof OutputFault) progress.say(error.message);
    else fault = { error };
  }
  const { recorded } = recorder;
  if (recorded.notes === undefined) await output.discard();
  else await output.finish(recorded.notes);
  if (fault !== undefined) throw fault.error;
  return recorded;
}
