import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { unary, unimplemented, unimplementedStream } from '../call-adapters.ts';

const SENTENCE = 'no station of this server has an antenna that can be moved yet';

/** sdr.oran.AntennaControlService: part of the contract, not offered yet. */
export function antennaService(): UntypedServiceImplementation {
  return {
    PointAntenna: unary(unimplemented(SENTENCE)),
    GetAntennaStatus: unary(unimplemented(SENTENCE)),
    TrackSatellite: unimplementedStream(SENTENCE),
  };
}
