import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Station } from '../stations/station.ts';
import type { Stations } from '../stations/stations.ts';
import { Antenna } from './antenna.ts';
import type { AntennaConfig } from './config.ts';
import { RotctldRotor } from './rotctld.ts';
import type { Rotor } from './rotor.ts';
import { SimulatedMount } from './simulated-mount.ts';

/** The antennas of the stations that have one; they come and go with them. */
export class Antennas {
  readonly #antennas = new Map<Station, Antenna>();
  readonly #stations: Stations;

  constructor(stations: Stations, clock: Clock) {
    this.#stations = stations;
    stations.observe({
      opened: (station) => {
        const { antenna } = station.config;
        if (antenna !== undefined) {
          const rotor = openRotor(antenna, clock, () => station.hub.metrics.rotorFault());
          this.#antennas.set(station, new Antenna(station, rotor, clock));
        }
      },
      closed: (station) => {
        this.#antennas.get(station)?.close(new PassbandError('UNAVAILABLE', `station ${station.id} has ended`));
        this.#antennas.delete(station);
      },
    });
  }

  /** @throws PassbandError INVALID_ARGUMENT, NOT_FOUND, or FAILED_PRECONDITION where a station has no antenna. */
  get(stationId: string): Antenna {
    const station = this.#stations.get(stationId);
    const antenna = this.#antennas.get(station);
    if (antenna !== undefined) return antenna;
    throw new PassbandError('FAILED_PRECONDITION', `station ${station.id} has no antenna that can be moved`);
  }
}

function openRotor(config: AntennaConfig, clock: Clock, onFault: () => void): Rotor {
  switch (config.kind) {
    case 'simulated': {
      const { kind: _, ...mount } = config;
      return new SimulatedMount(mount, clock);
    }
    case 'rotctld':
      return new RotctldRotor(config, clock, onFault);
  }
}
