import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { type Descriptors, loadDescriptors } from '../../src/descriptors.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';

/** Does some work in a fresh folder that holds the given files (path to text), and removes it afterwards. */
export async function inFolderWith<T>(
  files: Readonly<Record<string, string>>,
  work: (folder: string) => Promise<T> | T,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'passband-protos-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Descriptors of one proto file, given as text. */
export function describeProto(text: string): Promise<Descriptors> {
  return inFolderWith({ 'test.proto': text }, (folder) => loadDescriptors({ paths: [folder] }));
}

/** The text of a service with the given methods, around the given messages; package `test`. */
export function serviceProto(methods: string, messages: string): string {
  return `syntax = "proto3";
package test;
import "google/api/annotations.proto";
service Service {
${methods}
}
${messages}
`;
}

/** Types of a folder of protos, compiled by buf: an oracle that shares no code with ours. */
export function oracleRegistry(folder: string): FileRegistry {
  const target = mkdtempSync(join(tmpdir(), 'passband-image-'));
  try {
    const image = join(target, 'image.binpb');
    execFileSync(join(PACKAGE_ROOT, 'node_modules', '.bin', 'buf'), ['build', folder, '-o', image], { stdio: 'pipe' });
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(image)));
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}
