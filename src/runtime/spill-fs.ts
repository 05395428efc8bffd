/** What temporary files ask of a file system; injected, so that tests can make it fail. */
import * as fs from 'node:fs'
import { mkdtemp, readdir } from 'node:fs/promises'

/** An open temporary file. `close` comes when no call is pending. */
export interface SpillHandle {
  /** Writes at a position; the number of bytes written, perhaps fewer than given. */
  write(bytes: Uint8Array, position: number): Promise<number>
  /** Fills `bytes` from a position; the number of bytes read, 0 at the end. */
  read(bytes: Uint8Array, position: number): Promise<number>
  /** Closes the file and removes it. */
  close(): void
}

/** Failures are Node's own errors, with a `code`. */
export interface SpillFs {
  /** A new directory that only this user can enter: `prefix` and some random letters. */
  makeDirectory(prefix: string): Promise<string>
  /** A new file, for this user only. */
  open(path: string): Promise<SpillHandle>
  /** Names in a directory. */
  list(directory: string): Promise<string[]>
  /** Removes a directory of this user and what is in it; links and other users' directories stay. */
  removeDirectory(path: string): void
  /** Whether a process of this host runs. */
  isRunning(pid: number): boolean
}

export const nodeSpillFs: SpillFs = {
  makeDirectory: prefix => mkdtemp(prefix),
  open: path =>
    new Promise((resolve, reject) => {
      fs.open(path, 'wx+', 0o600, (error, file) => (error === null ? resolve(handleOf(file, path)) : reject(error)))
    }),
  list: directory => readdir(directory),
  removeDirectory(path) {
    const stats = fs.lstatSync(path, { throwIfNoEntry: false })
    if (stats?.isDirectory() !== true || stats.uid !== (process.getuid?.() ?? stats.uid)) return
    fs.rmSync(path, { recursive: true, force: true })
  },
  isRunning(pid) {
    try {
      return process.kill(pid, 0)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM'
    }
  },
}

const handleOf = (file: number, path: string): SpillHandle => ({
  write: (bytes, position) => transfer(done => fs.write(file, bytes, 0, bytes.length, position, done)),
  read: (bytes, position) => transfer(done => fs.read(file, bytes, 0, bytes.length, position, done)),
  close() {
    fs.closeSync(file)
    fs.rmSync(path, { force: true })
  },
})

function transfer(start: (done: (error: Error | null, byteLength: number) => void) => void): Promise<number> {
  return new Promise((resolve, reject) =>
    start((error, byteLength) => (error === null ? resolve(byteLength) : reject(error))),
  )
}
