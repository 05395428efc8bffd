/** What the threads of this process have read from files, sent, spilled and hold open: counters in memory that they share. */
import type { EventEmitter } from 'node:events'
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'

/** i64, by the numbers below. */
let counters = new BigInt64Array(new SharedArrayBuffer(64))

const BYTES_READ = 0
const OPEN_FILES = 1
const TEMP_BYTES = 2
const TEMP_FILES = 3
const SPILL_BYTES_WRITTEN = 4
const SPILL_BYTES_READ = 5
const SKIPPED_RECORDS = 6
const BYTES_SENT = 7

export interface IoStats {
  /** Bytes of table files, as they lie on disk. */
  readonly bytesRead: number
  /** Table files being read or written. */
  readonly openFiles: number
  /** Temporary files, all of them open, and their bytes. */
  readonly tempFiles: number
  readonly tempBytes: number
  /** Bytes of temporary files since the process started. */
  readonly spillBytesWritten: number
  readonly spillBytesRead: number
  /** Malformed records of text files that were left out because their table says so. */
  readonly skippedRecords: number
  /** Bytes of batches that went to other processes, encoded. */
  readonly bytesSent: number
}

/** The counters, to hand to worker threads. */
export const ioCounters = (): SharedArrayBuffer => counters.buffer as SharedArrayBuffer

/** Makes this thread count for the process; before it opens a file. */
export function attachIoCounters(shared: SharedArrayBuffer): void {
  counters = new BigInt64Array(shared)
}

export function countBytesRead(byteLength: number): void {
  Atomics.add(counters, BYTES_READ, BigInt(byteLength))
}

/** So many table files more, or (-1) less, are open. */
export function countOpenFiles(delta: 1 | -1): void {
  Atomics.add(counters, OPEN_FILES, BigInt(delta))
}

/** Counts a file handle or stream, which has just been opened, until its `close` event. */
export function countOpenFile(file: FileHandle | Readable): void {
  const opened = counters
  Atomics.add(opened, OPEN_FILES, 1n)
  // Node's typings do not say that a FileHandle is an EventEmitter.
  const emitter = file as unknown as EventEmitter
  emitter.once('close', () => Atomics.sub(opened, OPEN_FILES, 1n))
}

/** Counts `delta` more bytes of temporary files; false, and nothing counted, if that makes more than `limit`. */
export function takeTempBytes(delta: number, limit: number): boolean {
  const total = Number(Atomics.add(counters, TEMP_BYTES, BigInt(delta))) + delta
  if (total <= limit) return true
  giveTempBytes(delta)
  return false
}

export function giveTempBytes(byteLength: number): void {
  Atomics.sub(counters, TEMP_BYTES, BigInt(byteLength))
}

/** One temporary file more, or (-1) less. */
export function countTempFile(delta: 1 | -1): void {
  Atomics.add(counters, TEMP_FILES, BigInt(delta))
}

export function countSpill(written: number, read: number): void {
  Atomics.add(counters, SPILL_BYTES_WRITTEN, BigInt(written))
  Atomics.add(counters, SPILL_BYTES_READ, BigInt(read))
}

export function countBytesSent(byteLength: number): void {
  Atomics.add(counters, BYTES_SENT, BigInt(byteLength))
}

/** Malformed records that a scan leaves out. */
export function countSkippedRecords(count: number): void {
  Atomics.add(counters, SKIPPED_RECORDS, BigInt(count))
}

/** Of all threads of this process. */
export const ioStats = (): IoStats => ({
  bytesRead: Number(Atomics.load(counters, BYTES_READ)),
  openFiles: Number(Atomics.load(counters, OPEN_FILES)),
  tempFiles: Number(Atomics.load(counters, TEMP_FILES)),
  tempBytes: Number(Atomics.load(counters, TEMP_BYTES)),
  spillBytesWritten: Number(Atomics.load(counters, SPILL_BYTES_WRITTEN)),
  spillBytesRead: Number(Atomics.load(counters, SPILL_BYTES_READ)),
  skippedRecords: Number(Atomics.load(counters, SKIPPED_RECORDS)),
  bytesSent: Number(Atomics.load(counters, BYTES_SENT)),
})
