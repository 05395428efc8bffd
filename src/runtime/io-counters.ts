/** What the threads of this process have read from files and hold open: counters in memory that they share. */
import type { EventEmitter } from 'node:events'
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'

/** i64: element 0 is the bytes read since the process started, element 1 the files that are open. */
let counters = new BigInt64Array(new SharedArrayBuffer(16))

const BYTES_READ = 0
const OPEN_FILES = 1

export interface IoStats {
  /** Bytes of table files, as they lie on disk. */
  readonly bytesRead: number
  /** Table files being read or written. */
  readonly openFiles: number
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

/** Counts a file handle or stream, which has just been opened, until its `close` event. */
export function countOpenFile(file: FileHandle | Readable): void {
  const opened = counters
  Atomics.add(opened, OPEN_FILES, 1n)
  // Node's typings do not say that a FileHandle is an EventEmitter.
  const emitter = file as unknown as EventEmitter
  emitter.once('close', () => Atomics.sub(opened, OPEN_FILES, 1n))
}

/** Of all threads of this process. */
export const ioStats = (): IoStats => ({
  bytesRead: Number(Atomics.load(counters, BYTES_READ)),
  openFiles: Number(Atomics.load(counters, OPEN_FILES)),
})
