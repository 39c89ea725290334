import protobuf from 'protobufjs';
import type { ErrorDetail } from '../errors.ts';
import { printAny } from './routes/message-to-json.ts';
import type { MessagePlan } from './routes/plan.ts';
import { planOf } from './routes/plan.ts';
import type { ReadDetails } from './upstream/status.ts';

/** Field number of `details` in google.rpc.Status. */
const DETAILS = 3;
/** What a service tells its own developers: stacks and addresses, nobody's who calls from outside. */
const DEBUG_INFO = 'google.rpc.DebugInfo';
/** Details that are passed on of one status; a backend that sends more is not trusted to mean well. */
const MAX_DETAILS = 16;

/**
 * A reader of google.rpc.Status bytes that knows the message types of sets of protos, the first that has one. Malformed
 * ones have no details.
 */
export function statusDetails(...roots: readonly protobuf.Root[]): ReadDetails {
  const lookup: MessagePlan['lookup'] = (fullName) => {
    for (const root of roots) {
      const type = root.lookup(fullName, [protobuf.Type]);
      if (type instanceof protobuf.Type && type.fullName === `.${fullName}`) return planOf(type);
    }
    return undefined;
  };
  return (bytes) => {
    try {
      const details = readAnys(bytes).filter(([url]) => url.slice(url.lastIndexOf('/') + 1) !== DEBUG_INFO);
      return details.map(([url, value]) => JSON.parse(printAny({ lookup }, url, value)) as ErrorDetail);
    } catch {
      return [];
    }
  };
}

function readAnys(bytes: Uint8Array): (readonly [string, Uint8Array])[] {
  const reader = protobuf.Reader.create(bytes);
  const details: (readonly [string, Uint8Array])[] = [];
  while (reader.pos < reader.len && details.length < MAX_DETAILS) {
    const tag = reader.uint32();
    if (tag >>> 3 === DETAILS) details.push(readAny(reader.bytes()));
    else reader.skipType(tag & 7);
  }
  return details;
}

function readAny(bytes: Uint8Array): readonly [string, Uint8Array] {
  const reader = protobuf.Reader.create(bytes);
  let url = '';
  let value: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) url = reader.string();
    else if (tag >>> 3 === 2) value = reader.bytes();
    else reader.skipType(tag & 7);
  }
  return [url, value];
}
