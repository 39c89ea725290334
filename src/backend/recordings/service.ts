import type { ServerUnaryCall, ServerWritableStream, sendUnaryData, UntypedServiceImplementation } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { statusError, unary } from '../call-adapters.ts';
import { callerCn } from '../door/caller-metadata.ts';
import { checkStationId } from '../field-checks.ts';
import { requestedDatatype } from '../iq/requested-datatype.ts';
import { lengthOf } from '../iq/sample-length.ts';
import type { Stations } from '../stations/stations.ts';
import { sendRecording } from './recording-download.ts';
import { recordingMessage } from './recording-record.ts';
import type { Recordings } from './recordings.ts';
import type { RecordingsFolder } from './recordings-folder.ts';

/** Characters of a description: a sentence or two. */
const MAX_DESCRIPTION_CHARACTERS = 500;

interface StartRequest {
  readonly station_id: string;
  readonly datatype: string;
  readonly samples?: string;
  readonly seconds?: number;
  readonly description: string;
}

interface RecordingRequest {
  readonly recording_id: string;
  readonly station_id: string;
}

/** sdr.oran.recording.v1.RecordingService. */
export function recordingService(folder: RecordingsFolder, stations: Stations): UntypedServiceImplementation {
  const start = async (request: StartRequest, startedBy: string): Promise<object> => {
    const station = stations.get(request.station_id);
    const datatype = requestedDatatype(request.datatype, station.hub.datatype);
    const length = lengthOf(request);
    const description = checkDescription(request.description);
    const recordings = await folder.recordings();
    return recordingMessage(await recordings.start({ station, datatype, length, description, startedBy }));
  };
  /** The recordings, once the one that is asked for is known to be of the station that is named, where one is. */
  const of = async ({ recording_id: id, station_id: stationId }: RecordingRequest): Promise<Recordings> => {
    const recordings = await folder.recordings();
    if (stationId !== '' && recordings.get(id).stationId !== checkStationId(stationId)) {
      throw new PassbandError('NOT_FOUND', `station ${stationId} has no recording ${id}`);
    }
    return recordings;
  };
  return {
    StartRecording: (call: ServerUnaryCall<StartRequest, object>, callback: sendUnaryData<object>) =>
      unary((request: StartRequest) => start(request, callerCn(call.metadata)))(call, callback),
    StopRecording: unary(async (request: RecordingRequest) =>
      recordingMessage(await (await of(request)).stop(request.recording_id)),
    ),
    ListRecordings: unary(async ({ station_id }: { readonly station_id: string }) => {
      if (station_id !== '') checkStationId(station_id);
      const recordings = await folder.recordings();
      const { room } = recordings;
      return {
        recordings: recordings.list(station_id).map(recordingMessage),
        bytes: room.usedBytes,
        quota_bytes: room.limits.quotaBytes,
      };
    }),
    GetRecording: unary(async (request: RecordingRequest) =>
      recordingMessage((await of(request)).get(request.recording_id)),
    ),
    DownloadRecording: (call: ServerWritableStream<RecordingRequest, Buffer>) => {
      const send = async (): Promise<void> => sendRecording(await of(call.request), call);
      send().catch((error: unknown) => call.emit('error', statusError(error)));
    },
    DeleteRecording: unary(async (request: RecordingRequest) => {
      await (await of(request)).remove(request.recording_id);
      return {};
    }),
  };
}

function checkDescription(description: string): string {
  const isText = !/\p{Cc}/u.test(description);
  if (isText && description.length <= MAX_DESCRIPTION_CHARACTERS) return description;
  throw new PassbandError(
    'INVALID_ARGUMENT',
    `description must be text of ${MAX_DESCRIPTION_CHARACTERS} characters at most, without control characters`,
  );
}
