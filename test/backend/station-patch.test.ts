import { expect, it, test } from '@jest/globals';
import { patched, settingsOf, shownSettings, withinReach } from '../../src/backend/stations/station-patch.ts';

const REACH = { hosts: ['radio.example'], recording: (name: string) => `/data/library/${name}` };

it('takes what a message states, and neither what it leaves out nor what the server sets', () => {
  const message = {
    station_id: 'a',
    description: '',
    sample_rate: 0,
    full_scale_dbm: 0,
    epoch: '7',
    state: 'STATION_STATE_RUNNING',
    sim: { seed: 0, carriers: [], pass: null, qpsk: [{ offset_hz: 0, power_dbfs: -3 }] },
  };
  expect(settingsOf(message)).toEqual({
    station_id: 'a',
    full_scale_dbm: 0,
    sim: { seed: 0, qpsk: [{ offset_hz: 0, power_dbfs: -3 }] },
  });
});

it('changes what a mask names, down to members of members, and takes away what is not given', () => {
  const before = { station_id: 'a', description: 'x', rtl_tcp: { host: 'h', port: 1, gain_db: 3 } };
  const patch = { station_id: 'a', rtl_tcp: { host: 'i', port: 2 } };
  expect(patched(before, patch, ['rtl_tcp.port', 'description', 'rtl_tcp.gain_db'])).toEqual({
    station_id: 'a',
    rtl_tcp: { host: 'h', port: 2 },
  });
  expect(patched(before, { station_id: 'a', sim: { seed: 1 } }, [])).toEqual({
    station_id: 'a',
    description: 'x',
    sim: { seed: 1 },
  });
});

test.each([
  ['a host beyond', { rtl_tcp: { host: '198.51.100.1' } }, /host/],
  ['a rotor beyond', { antenna: { rotctld: { host: '198.51.100.1' } } }, /host/],
  ['an endpoint beyond', { zmq: { endpoint: 'tcp://198.51.100.1:1' } }, /host/],
  ['a way up', { sigmf: { file: 'a/../../x.sigmf-meta' } }, /library/],
  ['a hidden file', { sigmf: { file: '.x' } }, /library/],
  ['a listener', { rtl_tcp_listener: { host: '127.0.0.1', port: 1 } }, /operator/],
])('out of reach: %s', (_, settings, message) => {
  expect(() => withinReach(settings, {}, REACH)).toThrow(message);
  // What it has already may stay.
  expect(withinReach(settings, settings, REACH)).toEqual(settings);
});

it('reaches this machine, what the operator allows, and the library', () => {
  for (const host of ['127.0.0.1', '::1', 'localhost', 'radio.example']) {
    expect(withinReach({ rtl_tcp: { host } }, {}, REACH)).toEqual({ rtl_tcp: { host } });
  }
  expect(withinReach({ zmq: { endpoint: 'tcp://[::1]:5' } }, {}, REACH)).toEqual({
    zmq: { endpoint: 'tcp://[::1]:5' },
  });
  const stored = withinReach({ sigmf: { file: 'a/x.sigmf' } }, {}, REACH);
  expect(stored).toEqual({ sigmf: { file: '/data/library/a/x.sigmf' } });
  // Shown without its folder, and taken again as it was shown.
  expect(shownSettings(stored)).toEqual({ sigmf: { file: 'x.sigmf' } });
  expect(withinReach({ sigmf: { file: 'x.sigmf' } }, stored, REACH)).toEqual(stored);
});
