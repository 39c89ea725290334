import { pushCase } from './push/push-case.ts';
import { rtlTcpCase } from './rtl-tcp-case.ts';
import { sigmfCase, streamedSigmfCase } from './sigmf-case.ts';
import { simCase } from './sim-case.ts';
import type { SourceCases } from './source-under-test.ts';
import { zmqCase } from './zmq-case.ts';

/** Every kind of source there is; each passes the same suite. */
export const SOURCE_CASES: SourceCases = {
  sim: simCase,
  sigmf: sigmfCase,
  'sigmf from its file': streamedSigmfCase,
  'zmq with tags': () => zmqCase('cf32_le', true),
  'zmq without tags': () => zmqCase('ci16_le', false),
  rtl_tcp: rtlTcpCase,
  push: pushCase,
};
