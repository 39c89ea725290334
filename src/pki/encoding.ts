import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';

/** The DER bytes of the first block of a PEM text. */
export function pemToDer(pem: string): Uint8Array<ArrayBuffer> {
  const body = /-----BEGIN [^-]+-----([\s\S]*?)-----END/.exec(pem)?.[1] ?? '';
  return Uint8Array.from(Buffer.from(body, 'base64'));
}

/** A PEM block (RFC 7468) of a label, such as CERTIFICATE. */
export function derToPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** A moment, whole seconds of UTC, in the type of its year: UTCTime ends with 2049 (RFC 5280 section 4.1.2.5). */
export function encodeTime(value: Date): pkijs.Time {
  const type = value.getUTCFullYear() < 2050 ? pkijs.TimeType.UTCTime : pkijs.TimeType.GeneralizedTime;
  // A GeneralizedTime would be written with its milliseconds, which no certificate may have.
  return new pkijs.Time({ type, value: new Date(Math.floor(value.getTime() / 1000) * 1000) });
}

/** A serial number in hexadecimal, as OpenSSL and Node print it, as an integer: positive, whatever its top bit. */
export function encodeSerial(serial: string): asn1js.Integer {
  return asn1js.Integer.fromBigInt(serial.startsWith('-') ? -BigInt(`0x${serial.slice(1)}`) : BigInt(`0x${serial}`));
}

/** A serial number as lower-case hexadecimal in whole bytes, as Node prints that of a certificate. */
export function serialText(serial: asn1js.Integer): string {
  const value = serial.toBigInt();
  const digits = (value < 0n ? -value : value).toString(16);
  return `${value < 0n ? '-' : ''}${digits.length % 2 === 0 ? '' : '0'}${digits}`;
}
