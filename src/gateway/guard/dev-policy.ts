/** The policy that a development set-up begins with, as YAML text to be written to a file and edited there. */
export const DEV_POLICY = `# Who may do what. Whatever no rule allows is denied.
#
# subjects  who: cn:, o:, ou: (subject of the client certificate), dns:, uri:, email: (its alternative names), or
#           sha256: (its fingerprint, 64 lower-case hex digits). Comparison is exact and case-sensitive;
#           * stands for any characters but . and /, and ** (in uri: only) for any at all.
#           { all: [...] }, { any: [...] } and { not: ... } combine them.
# allow     what: methods as package.Service/Method, * in Service or Method, or * alone for every method.
#           where: { field: [pattern, ...] } or { field: { min, max } } looks at the request; when: at what times;
#           limits: { concurrentStreams, requestsPerMinute, bytesPerSecond, maxSampleRateHz }.
# mode      shadow: lets pass what where would refuse, and logs it.
version: 1

# Peers that may say on whose behalf they call the backend: the gateway's own client certificate.
delegates: ["cn:passband-gateway"]

rules:
  # certs/client.crt: everything.
  - name: developer
    subjects: ["cn:oran-client"]
    allow:
      - methods: ["*"]

  # certs/dashboard.crt and any other dash-*: look, don't touch.
  - name: dashboards
    subjects: ["cn:dash-*"]
    allow:
      - methods:
          - "passband.Gateway/*"
          - "sdr.oran.StationService/ListStations"
          - "sdr.oran.StationService/GetStation"
          - "sdr.oran.SpectrumMonitorService/*"
          - "sdr.oran.IQStreamService/SubscribeIQ"
          - "sdr.oran.IQStreamService/GetStreamStats"
          - "sdr.oran.IQStreamService/DownloadIQ"
          - "sdr.oran.AntennaControlService/GetAntennaStatus"
          - "sdr.oran.AntennaControlService/ListPasses"
          - "sdr.oran.recording.v1.RecordingService/ListRecordings"
          - "sdr.oran.recording.v1.RecordingService/GetRecording"
          - "sdr.oran.recording.v1.RecordingService/DownloadRecording"
`;
