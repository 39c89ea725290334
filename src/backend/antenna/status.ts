import type { Clock } from '../clock.ts';
import type { Antenna } from './antenna.ts';
import { angleBetween, compassDeg } from './axis-azimuth.ts';
import type { TargetState } from './target.ts';

/** sdr.oran.AntennaStatus as it is sent. */
export type AntennaStatus = Readonly<Record<string, string | number | boolean>>;

/**
 * How an antenna is at the moment. A mount that does not answer is no error: the status says so in `fault`, with what was
 * read last.
 */
export async function antennaStatus(antenna: Antenna, clock: Clock): Promise<AntennaStatus> {
  // What went wrong is the rotor's fault, which is told below.
  const reading = await antenna.rotor.read().catch(() => antenna.rotor.lastReading);
  const { tracker } = antenna;
  const direction = { azimuthDeg: compassDeg(reading.axisAzimuthDeg), elevationDeg: reading.elevationDeg };
  const fault = tracker?.fault ?? antenna.rotor.fault;
  const target = tracker?.targetState;
  const isFollowed = tracker !== undefined && target !== undefined && tracker.isFollowing(target);
  const goal = isFollowed ? target : antenna.goal;
  return {
    station_id: antenna.station.id,
    timestamp_ns: clock.wallNs().toString(),
    current_azimuth_deg: direction.azimuthDeg,
    current_elevation_deg: direction.elevationDeg,
    current_polarization_deg: reading.polarizationDeg,
    is_tracking: tracker !== undefined,
    target_satellite: tracker?.name ?? '',
    tracking_error_deg: goal === undefined ? 0 : angleBetween(goal, direction),
    azimuth_motor_ok: reading.azimuthMotorOk,
    elevation_motor_ok: reading.elevationMotorOk,
    azimuth_motor_current_a: reading.azimuthMotorCurrentA,
    elevation_motor_current_a: reading.elevationMotorCurrentA,
    wind_speed_ms: reading.windSpeedMS,
    temperature_c: reading.temperatureC,
    target_azimuth_deg: goal?.azimuthDeg ?? 0,
    target_elevation_deg: goal?.elevationDeg ?? 0,
    target_range_km: target?.rangeKm ?? 0,
    target_doppler_hz: tracker?.dopplerHz ?? 0,
    target_visible: isVisible(target),
    in_keyhole: tracker?.isInKeyhole ?? false,
    axis_azimuth_deg: reading.axisAzimuthDeg,
    fault: fault?.publicMessage ?? '',
    element_set_age_days: tracker?.elementSetAgeDays ?? 0,
  };
}

const isVisible = (target: TargetState | undefined): boolean => target !== undefined && target.elevationDeg >= 0;
