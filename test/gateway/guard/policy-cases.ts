const rule = (body: string): string => `version: 1\nrules:\n  - name: r\n    subjects: ["cn:a"]\n    allow:\n${body}`;

/** Policies that must be accepted, each with what it shows. */
export const GOOD_POLICIES: readonly (readonly [what: string, text: string])[] = [
  ['the smallest', rule('      - methods: ["*"]\n')],
  [
    'comments and flow style',
    '# hi\n{version: 1, rules: [{name: "a b", subjects: [cn:x], allow: [{methods: ["*"]}]}]}',
  ],
  [
    'every kind of subject',
    `version: 1
delegates: ["cn:passband-gateway", "dns:gw-*.ran.example"]
rules:
  - name: all
    subjects:
      - "cn:noc-*"
      - "o:ACME"
      - "ou:O-RAN-DU"
      - "dns:*.ran.example"
      - "uri:spiffe://ran.example/ops/**"
      - "email:ops@ran.example"
      - "sha256:${'0f'.repeat(32)}"
    allow: [{ methods: ["sdr.oran.*/Get*"] }]
`,
  ],
  [
    'where, limits and shadow',
    `version: 1
rules:
  - name: operators
    mode: shadow
    subjects: ["cn:a"]
    allow:
      - methods: ["sdr.oran.IQStreamService/*"]
        where: { station_id: ["gs-1", "lab-*"] }
        limits: { concurrentStreams: 8, requestsPerMinute: 600 }
      - methods: ["sdr.oran.StationService/ListStations"]
`,
  ],
  ['a nested field', rule('      - methods: ["test.Nested/Call"]\n        where: { device.id: ["x"] }\n')],
  [
    'combined subjects',
    `version: 1
delegates: [{ all: ["cn:gw-*", { not: "ou:lab" }] }, { not: { any: ["ou:lab", { not: "cn:gw-1" }] } }]
rules:
  - name: r
    subjects:
      - all: ["ou:O-RAN-DU", { any: ["cn:noc-*", "cn:ops-*"] }, { not: "cn:noc-trainee" }]
      - not: { not: "cn:a" }
      - "cn:b"
    allow: [{ methods: ["*"] }]
`,
  ],
  [
    'numbers, enums and truth',
    rule(`      - methods: ["sdr.oran.IQStreamService/StartStream"]
        where:
          sample_rate: { min: 1000, max: 2.5e6 }
          compression: [NONE, "Z*", "2"]
          enable_compression: ["false"]
      - methods: ["sdr.oran.SpectrumMonitorService/*"]
        where: { fft_size: { max: 4096 } }
      - methods: ["test.Nested/Call"]
        where: { device.gain: { min: -1.5 } }
`),
  ],
  [
    'every limit',
    rule(`      - methods: ["sdr.oran.IQStreamService/S*"]
        limits: { concurrentStreams: 1, requestsPerMinute: 2, bytesPerSecond: 3000000, maxSampleRateHz: 2.5e6 }
`),
  ],
  [
    'times',
    rule(`      - methods: ["*"]
        when:
          - { days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00", timezone: Europe/Berlin }
          - { from: "22:00", to: "06:00", timezone: UTC }
          - { days: [sat], timezone: America/New_York, notAfter: "2026-12-31T23:59:59.999-05:00" }
          - { from: "00:00", to: "24:00", timezone: UTC, notBefore: "2026-01-01T00:00Z" }
          - { notBefore: 2026-03-01T08:00:00Z, notAfter: 2026-03-01T08:00:00+00:00 }
          - { notBefore: 2026-03-01T08:00:00.123456789Z, notAfter: "2026-03-31T08:00-23:59" }
`),
  ],
  ['two rules', `${rule('      - methods: ["*"]\n')}  - {name: s, subjects: ["cn:b"], allow: [{methods: ["*"]}]}\n`],
];

/** A policy that must be refused: where and what about, and whether an editor's schema can know. */
export interface BadPolicy {
  readonly what: string;
  readonly text: string;
  /** LINE:COL of the message. */
  readonly at: string;
  readonly says: RegExp;
  /** False for what JSON Schema cannot say, or cannot be asked since it is no YAML. */
  readonly schemaKnows: boolean;
}

const bad = (what: string, text: string, at: string, says: RegExp, schemaKnows = true): BadPolicy => ({
  what,
  text,
  at,
  says,
  schemaKnows,
});

/** Files that must be refused. */
export const BAD_POLICIES: readonly BadPolicy[] = [
  bad('nothing', '', '1:1', /empty/, false),
  bad('only a comment', '# rules later\n', '1:1', /empty/, false),
  bad('a text', 'allow everything', '1:1', /is a text; write a mapping/),
  bad('a list', '- version: 1', '1:1', /is a list; write a mapping/),
  bad('broken YAML', 'version: 1\nrules: [', '2:9', /correct the YAML/, false),
  bad('two documents', 'version: 1\n---\nrules: []', '2:1', /multiple documents/, false),
  bad('a tab as indentation', 'version: 1\nrules:\n\t- a', '3:1', /correct the YAML/, false),
  bad('no version', 'rules: [{name: a, subjects: ["cn:a"], allow: [{methods: ["*"]}]}]', '1:1', /"version" is missing/),
  bad('another version', 'version: 2\nrules: []', '1:10', /version: 1/),
  bad('version as text', 'version: "1"\nrules: []', '1:10', /is a text; write a whole number/),
  bad('no rules key', 'version: 1', '1:1', /"rules" is missing/),
  bad('no rules', 'version: 1\nrules: []', '2:8', /rules is an empty list/),
  bad('rules left blank', 'version: 1\nrules:\n', '2:7', /rules is nothing; write a list/),
  bad('rules as mapping', 'version: 1\nrules: {a: 1}', '2:8', /rules is a mapping; write a list/),
  bad(
    'unknown key at the top',
    'version: 1\nrule: []',
    '2:1',
    /"rule" is unknown; known here: version, rules, delegates/,
  ),
  bad('unknown key in a rule', 'version: 1\nrules:\n  - name: a\n    subject: []', '4:5', /"subject" is unknown/),
  bad('unknown key in an entry', rule('      - methods: ["*"]\n        were: {}\n'), '7:9', /"were" is unknown/),
  bad('unknown limit', rule('      - methods: ["*"]\n        limits: {streams: 1}\n'), '7:18', /"streams" is unknown/),
  bad('prototype as key', 'version: 1\n__proto__: []', '2:1', /"__proto__" is unknown/),
  bad('a key twice', 'version: 1\nversion: 1\nrules: []', '2:1', /"version" is there twice/, false),
  bad('a key that is a list', 'version: 1\n? [a]\n: b', '2:3', /a key is a list/, false),
  bad('a rule that is a text', 'version: 1\nrules: [all]', '2:9', /rules\[0\] is a text/),
  bad(
    'no rule name',
    'version: 1\nrules:\n  - subjects: ["cn:a"]\n    allow: [{methods: ["*"]}]',
    '3:5',
    /"name" is missing/,
  ),
  bad(
    'a number as name',
    'version: 1\nrules: [{name: 7, subjects: ["cn:a"], allow: [{methods: ["*"]}]}]',
    '2:16',
    /is a number/,
  ),
  bad(
    'a blank name',
    'version: 1\nrules: [{name: " ", subjects: ["cn:a"], allow: [{methods: ["*"]}]}]',
    '2:16',
    /printable/,
  ),
  bad(
    'a name with a newline',
    'version: 1\nrules: [{name: "a\\nb", subjects: ["cn:a"], allow: [{methods: ["*"]}]}]',
    '2:16',
    /printable/,
  ),
  bad(
    'a name too long',
    `version: 1\nrules: [{name: ${'n'.repeat(65)}, subjects: ["cn:a"], allow: [{methods: ["*"]}]}]`,
    '2:16',
    /64/,
  ),
  bad(
    'a rule name twice',
    'version: 1\nrules:\n  - {name: a, subjects: ["cn:a"], allow: [{methods: ["*"]}]}\n  - {name: a, subjects: ["cn:b"], allow: [{methods: ["*"]}]}',
    '4:12',
    /rule "a" is there twice/,
    false,
  ),
  bad(
    'no subjects',
    'version: 1\nrules: [{name: a, subjects: [], allow: [{methods: ["*"]}]}]',
    '2:29',
    /subjects is an empty list/,
  ),
  ...(
    [
      ['no prefix', 'oran-client', /no known prefix/],
      ['an unknown prefix', 'user:a', /no known prefix/],
      ['a prefix in capitals', 'CN:a', /no known prefix/],
      ['a prefix alone', 'cn:', /is empty/],
      ['a double star in a name', 'cn:a**', /crosses segments/],
      ['a double star in an organization', 'o:**', /crosses segments/],
      ['a double star in a unit', 'ou:a**', /crosses segments/],
      ['a double star in a DNS name', 'dns:**.example', /crosses segments/],
      ['a double star in an address', 'email:**@ran.example', /crosses segments/],
      ['three stars', 'uri:***', /three stars/],
      ['a control character', 'cn:a\\u0000', /control characters/],
      ['a fingerprint with colons', 'sha256:AA:BB', /64 lower-case hex/],
      ['a pattern too long', `cn:${'a'.repeat(257)}`, /longer than 256/],
    ] as const
  ).map(([what, subject, says]) =>
    bad(
      `a subject with ${what}`,
      `version: 1\nrules: [{name: a, subjects: ["cn:ok", "${subject}"], allow: [{methods: ["*"]}]}]`,
      '2:39',
      says,
    ),
  ),
  bad('a delegate without prefix', 'version: 1\ndelegates: [gw]\nrules: []', '2:13', /no known prefix/),
  bad('no delegates', 'version: 1\ndelegates: []\nrules: []', '2:12', /delegates is an empty list/),
  bad(
    'nothing allowed',
    'version: 1\nrules: [{name: a, subjects: ["cn:a"], allow: []}]',
    '2:46',
    /allow is an empty list/,
  ),
  bad('no methods', rule('      - methods: []\n'), '6:18', /methods is an empty list/),
  bad('methods as text', rule('      - methods: "*"\n'), '6:18', /is a text; write a list/),
  bad(
    'no such service',
    rule('      - methods: ["sdr.oran.Station/*"]\n'),
    '6:19',
    /no known method; there are .*StationService\/\*/,
    false,
  ),
  bad(
    'no such method',
    rule('      - methods: ["sdr.oran.StationService/Get"]\n'),
    '6:19',
    /there are .*GetStation/,
    false,
  ),
  bad(
    'wrong case',
    rule('      - methods: ["sdr.oran.StationService/getStation"]\n'),
    '6:19',
    /no known method/,
    false,
  ),
  bad(
    'a method with its slash in front',
    rule('      - methods: ["/sdr.oran.StationService/GetStation"]\n'),
    '6:19',
    /not a method/,
  ),
  bad('a star in the package', rule('      - methods: ["sdr.*.StationService/*"]\n'), '6:19', /stars only in/),
  bad(
    'a double star in a method',
    rule('      - methods: ["sdr.oran.StationService/**"]\n'),
    '6:19',
    /crosses segments/,
  ),
  bad(
    'no such field',
    rule('      - methods: ["sdr.oran.StationService/GetStation"]\n        where: {station: ["a"]}\n'),
    '7:17',
    /no field "station"/,
    false,
  ),
  bad(
    'a field that one of the methods lacks',
    rule('      - methods: ["sdr.oran.StationService/*"]\n        where: {station_id: ["a"]}\n'),
    '7:17',
    /ListStations has no field "station_id"/,
    false,
  ),
  bad(
    'a JSON name as field',
    rule('      - methods: ["sdr.oran.StationService/GetStation"]\n        where: {stationId: ["a"]}\n'),
    '7:17',
    /no field/,
    false,
  ),
  bad(
    'a field path with a hole',
    rule('      - methods: ["test.Nested/Call"]\n        where: {device..id: ["a"]}\n'),
    '7:17',
    /not a field/,
  ),
  bad('an empty where', rule('      - methods: ["*"]\n        where: {}\n'), '7:16', /where is an empty mapping/),
  bad(
    'where without patterns',
    rule('      - methods: ["test.Nested/Call"]\n        where: {device.id: []}\n'),
    '7:28',
    /empty list/,
  ),
  bad(
    'where as text',
    rule('      - methods: ["test.Nested/Call"]\n        where: {device.id: a}\n'),
    '7:28',
    /is a text; write a list/,
  ),
  bad(
    'a number as pattern',
    rule('      - methods: ["test.Nested/Call"]\n        where: {device.id: [7]}\n'),
    '7:29',
    /is a number; write a text/,
  ),
  bad(
    'a double star in where',
    rule('      - methods: ["test.Nested/Call"]\n        where: {device.id: ["**"]}\n'),
    '7:29',
    /crosses segments/,
  ),
  bad('no limits', rule('      - methods: ["*"]\n        limits: {}\n'), '7:17', /limits is an empty mapping/),
  ...['0', '-1', '1.5', '"8"', '.inf', 'true', '1e400', '9007199254740993'].map((value) =>
    bad(
      `a limit of ${value}`,
      rule(`      - methods: ["*"]\n        limits: {concurrentStreams: ${value}}\n`),
      '7:37',
      /positive|whole/,
    ),
  ),
  ...(
    [
      ['two combinations', '{all: ["cn:a"], any: ["cn:b"]}', '2:39', /has all and any; write one/],
      ['an unknown combination', '{none: ["cn:a"]}', '2:40', /"none" is unknown; known here: all, any, not/],
      ['an empty combination', '{}', '2:39', /is an empty mapping/],
      ['all of nothing', '{all: []}', '2:45', /all is an empty list/],
      ['any of a text', '{any: "cn:a"}', '2:45', /is a text; write a list/],
      ['not of a list', '{not: ["cn:a"]}', '2:45', /is a list; write a text/],
      ['a bad name far inside', '{not: {all: ["cn:a", {any: ["cn:**"]}]}}', '2:67', /crosses segments/],
      ['a number', '7', '2:39', /is a number; write a text/],
    ] as const
  ).map(([what, subject, at, says]) =>
    bad(
      `a subject with ${what}`,
      `version: 1\nrules: [{name: a, subjects: ["cn:ok", ${subject}], allow: [{methods: ["*"]}]}]`,
      at,
      says,
    ),
  ),
  bad(
    'subjects that nest too deep',
    `version: 1\nrules: [{name: a, subjects: [${'{not: '.repeat(9)}"cn:a"${'}'.repeat(9)}], allow: [{methods: ["*"]}]}]`,
    '2:78',
    /nest deeper than 8/,
    false,
  ),
  ...(
    [
      ['one', '{not: "cn:a"}'],
      ['one, in a list', '{all: [{not: "cn:a"}]}'],
      ['one, beside one who is named', '{any: ["cn:a", {not: "cn:b"}]}'],
      ['two', '{not: {any: ["cn:a", "cn:b"]}}'],
      ['those who are two things at once', '{not: {all: ["cn:a", {not: "cn:b"}]}}'],
    ] as const
  ).map(([what, delegate]) =>
    bad(
      `a delegate that is everybody but ${what}`,
      `version: 1\ndelegates: [${delegate}]\nrules: []`,
      '2:13',
      /everybody but some/,
      false,
    ),
  ),
  ...(
    [
      ['no bounds', 'sample_rate: {}', '7:30', /empty mapping/],
      ['another bound', 'sample_rate: {most: 1}', '7:31', /"most" is unknown; known here: min, max/],
      ['a text as bound', 'sample_rate: {max: "1"}', '7:36', /is a text; write a number/],
      ['an infinite bound', 'sample_rate: {max: .inf}', '7:36', /write a number/, false],
      ['bounds the wrong way round', 'sample_rate: {min: 2, max: 1}', '7:36', /min 2 is above max 1/, false],
      ['bounds on a text', 'band: {max: 1}', '7:23', /"band" is a text; write a list/, false],
      ['bounds on an enum', 'compression: {max: 1}', '7:30', /"compression" is an enum/, false],
      ['a value that the enum lacks', 'compression: [ZTSD]', '7:31', /there are NONE, ZSTD, ZSTANDARD, LZ4/, false],
      ['bytes in capitals', 'token: ["00FF*"]', '7:25', /hexadecimal digits in lower case/, false],
      ['bytes as base64', 'token: ["/w=="]', '7:25', /hexadecimal digits in lower case/, false],
      ['bounds for bytes', 'token: { max: 1 }', '7:24', /is bytes; write a list of patterns/, false],
      ['neither true nor false', 'enable_compression: ["yes"]', '7:38', /write "true" or "false"/, false],
    ] as const
  ).map(([what, where, at, says, schemaKnows = true]) =>
    bad(
      `where with ${what}`,
      rule(`      - methods: ["sdr.oran.IQStreamService/StartStream"]\n        where: {${where}}\n`),
      at,
      says,
      schemaKnows,
    ),
  ),
  bad(
    'a field that is two kinds of thing',
    rule(
      '      - methods: ["sdr.oran.IQStreamService/StartStream", "test.Nested/Call"]\n        where: {band: ["C"]}\n',
    ),
    '7:17',
    /is another kind of field/,
    false,
  ),
  bad(
    'an enum that has other values elsewhere',
    rule(
      '      - methods: ["sdr.oran.IQStreamService/StartStream", "test.Twin/Call"]\n        where: {compression: [NONE]}\n',
    ),
    '7:17',
    /is another kind of field/,
    false,
  ),
  ...(
    [
      ['nothing in it', '{}', '7:16', /is an empty mapping/],
      ['an unknown key', '{until: "x"}', '7:17', /"until" is unknown/],
      ['days of no timezone', '{days: [mon]}', '7:23', /need a timezone/],
      ['times of no timezone', '{from: "08:00", to: "09:00"}', '7:23', /need a timezone/],
      ['a timezone of nothing', '{timezone: UTC}', '7:27', /is for days and times/],
      ['a timezone of moments', '{timezone: UTC, notAfter: "2026-01-01T00:00Z"}', '7:27', /is for days and times/],
      ['from without to', '{from: "08:00", timezone: UTC}', '7:16', /only one of from and to/],
      ['to without from', '{to: "08:00", timezone: UTC}', '7:16', /only one of from and to/],
      ['no such time', '{from: "08:00", to: "24:01", timezone: UTC}', '7:36', /no time of day/],
      ['a time of one digit', '{from: "8:00", to: "09:00", timezone: UTC}', '7:23', /no time of day/],
      ['a time that is a number', '{from: 8, to: "09:00", timezone: UTC}', '7:23', /is a number/],
      ['a time in seconds', '{from: "08:00:00", to: "09:00", timezone: UTC}', '7:23', /no time of day/],
      ['a begin at the end of a day', '{from: "24:00", to: "09:00", timezone: UTC}', '7:23', /end of a day/],
      ['the same begin and end', '{from: "08:00", to: "08:00", timezone: UTC}', '7:36', /are the same/, false],
      ['an unknown day', '{days: [monday], timezone: UTC}', '7:24', /"monday" is unknown; write mon, tue/],
      ['a day twice', '{days: [mon, mon], timezone: UTC}', '7:29', /is there twice/],
      ['no days', '{days: [], timezone: UTC}', '7:23', /empty list/],
      ['an unknown timezone', '{days: [mon], timezone: Europe/Atlantis}', '7:40', /IANA/, false],
      ['an offset as timezone', '{days: [mon], timezone: "+02:00"}', '7:40', /IANA/],
      ['a moment without offset', '{notBefore: "2026-01-01T00:00:00"}', '7:28', /with its offset/],
      ['a date', '{notBefore: "2026-01-01"}', '7:28', /with its offset/],
      ['a day that the month has not', '{notBefore: "2026-02-30T00:00:00Z"}', '7:28', /no moment/, false],
      ['a month that the year has not', '{notBefore: "2026-13-01T00:00:00Z"}', '7:28', /no moment/],
      ['an offset that no zone has', '{notBefore: "2026-03-01T00:00:00+24:00"}', '7:28', /no moment/],
      ['an hour that the day has not', '{notBefore: "2026-02-03T25:00:00Z"}', '7:28', /no moment/],
      [
        'an end before its begin',
        '{notBefore: "2026-01-02T00:00Z", notAfter: "2026-01-01T00:00Z"}',
        '7:59',
        /before/,
        false,
      ],
    ] as const
  ).map(([what, window, at, says, schemaKnows = true]) =>
    bad(
      `a time window with ${what}`,
      rule(`      - methods: ["*"]\n        when: [${window}]\n`),
      at,
      says,
      schemaKnows,
    ),
  ),
  bad('no time windows', rule('      - methods: ["*"]\n        when: []\n'), '7:15', /when is an empty list/),
  bad('a time window alone', rule('      - methods: ["*"]\n        when: {days: [mon]}\n'), '7:15', /write a list/),
  ...['0', '-1', '"1"', '.inf', '.nan'].map((value) =>
    bad(
      `a sample rate of ${value}`,
      rule(`      - methods: ["sdr.oran.IQStreamService/StartStream"]\n        limits: {maxSampleRateHz: ${value}}\n`),
      '7:35',
      /positive|a number/,
      !value.startsWith('.'),
    ),
  ),
  bad(
    'a sample rate that nobody can hold',
    rule('      - methods: ["sdr.oran.IQStreamService/*"]\n        limits: {maxSampleRateHz: 1}\n'),
    '7:35',
    /DownloadIQ gives out bodies whose sample rate nobody can read/,
    false,
  ),
  bad(
    'an unknown mode',
    'version: 1\nrules: [{name: a, mode: audit, subjects: ["cn:a"], allow: [{methods: ["*"]}]}]',
    '2:25',
    /"audit" is unknown/,
  ),
  bad(
    'shadow with nothing to try',
    'version: 1\nrules: [{name: a, mode: shadow, subjects: ["cn:a"], allow: [{methods: ["*"]}]}]',
    '2:25',
    /has none/,
  ),
  bad(
    'an alias',
    'version: 1\nrules:\n  - &r {name: a, subjects: ["cn:a"], allow: [{methods: ["*"]}]}\n  - *r\n',
    '4:5',
    /alias/,
    false,
  ),
  bad('a merge key', 'version: 1\nrules:\n  - <<: {name: a}\n', '3:5', /"<<" is unknown/),
  bad('an unknown tag', 'version: 1\nrules: !!js/function []', '2:8', /tag/i, false),
];
