import { checkServerIdentity, createSecureContext } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import type { TlsMaterial } from '../../pki/tls-files.ts';
import { tlsClientOptions } from '../../tls.ts';
import type { BackendPeers } from './backend-peers.ts';
import { WatchedCredentials } from './watched-credentials.ts';

/** HTTP/2 receive window in bytes; the default of 64 KiB holds a stream of IQ to a third of what the wire can do. */
const FLOW_CONTROL_WINDOW_BYTES = 8 * 1024 * 1024;
/** Largest message in bytes: a frame of 262144 samples cf32 is 2 MiB; spectra of 65536 bins come near 1 MiB. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** A backend that is silent this long is asked for a sign of life, milliseconds. */
const KEEPALIVE_INTERVAL_MS = 20_000;
/** How long it has to give one, milliseconds. */
const KEEPALIVE_TIMEOUT_MS = 5_000;
/** Pause before the second attempt to connect, milliseconds: a backend that is only restarting is back soon. */
const INITIAL_RECONNECT_BACKOFF_MS = 100;
/** Longest pause between two attempts to connect, milliseconds: a backend that is back is found within it. */
const MAX_RECONNECT_BACKOFF_MS = 1_000;

/** Where and as whom to connect. */
export interface ChannelOptions {
  /** `host:port`, or a gRPC target such as `dns:///radio.example:50051`. */
  readonly backend: string;
  readonly tls: TlsMaterial;
  /** Name in the backend's certificate, where it is not the host's. */
  readonly backendName?: string | undefined;
  readonly serviceConfig: object;
  /**
   * Judges the backends' certificates, once TLS has found a way from them to the CA. Their names alone count where nothing is
   * given.
   */
  readonly peers?: BackendPeers;
}

/** A gRPC target from what an operator writes: a bare host:port is a DNS name, resolved again when connections break. */
export function target(backend: string): string {
  return backend.includes('://') || /^(dns|ipv4|ipv6|unix|passthrough):/.test(backend) ? backend : `dns:///${backend}`;
}

/** Opens the mTLS channel to the backend. It connects when it is first used, and again whenever it must. */
export function openChannel(options: ChannelOptions): grpc.Client {
  const context = createSecureContext(tlsClientOptions(options.tls));
  const { check = checkServerIdentity, connected = () => {} } = options.peers ?? {};
  const credentials = new WatchedCredentials(
    grpc.credentials.createFromSecureContext(context, { checkServerIdentity: check }),
    connected,
  );
  return new grpc.Client(target(options.backend), credentials, {
    'grpc.service_config': JSON.stringify(options.serviceConfig),
    // The config is ours; a TXT record must not change what is retried.
    'grpc.service_config_disable_resolution': 1,
    'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW_BYTES,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': KEEPALIVE_INTERVAL_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.initial_reconnect_backoff_ms': INITIAL_RECONNECT_BACKOFF_MS,
    'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS,
    'grpc.primary_user_agent': 'passband',
    ...(options.backendName === undefined
      ? {}
      : {
          'grpc.ssl_target_name_override': options.backendName,
          'grpc.default_authority': options.backendName,
        }),
  });
}
