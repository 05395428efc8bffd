/** The temporary files of one thread: a directory of its own, which exists while there are files, and a limit for all of them. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail, type BallistaError } from '../common/errors.js'
import type { Config } from '../common/option.js'
import { countTempFile } from './io-counters.js'
import { maxTempDirectorySize, tempDirectory } from './options.js'
import { nodeSpillFs, type SpillFs, type SpillHandle } from './spill-fs.js'

/** Plain data, to hand to worker threads. */
export interface SpillPlace {
  /** Empty: the system's directory for temporary files. */
  readonly directory: string
  /** Bytes that all temporary files of the process may take. */
  readonly maxBytes: number
}

export const spillPlace = (config: Config): SpillPlace => ({
  directory: config.get(tempDirectory),
  maxBytes: config.get(maxTempDirectorySize),
})

export interface SpillSpace {
  readonly place: SpillPlace
  /** A new, empty file; the last one that is closed takes the directory with it. Throws SPILL_FAILED, SPILL_DISK_FULL. */
  open(): Promise<SpillHandle>
  /** The coded form of a file system's failure. */
  failure(error: unknown): BallistaError
}

const PREFIX = 'ballista-spill-'
/** Directories whose leftovers this thread has removed. */
const cleaned = new Set<string>()

/** Nothing is made before the first file. */
export function spillSpace(place: SpillPlace, fs: SpillFs = nodeSpillFs): SpillSpace {
  const parent = place.directory === '' ? tmpdir() : place.directory
  let making: Promise<string> | undefined
  let made: string | undefined
  /** Open, or being opened. */
  let files = 0
  let number = 0

  function failure(error: unknown): BallistaError {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') return fail('SPILL_DISK_FULL', [parent], { cause: error })
    return fail('SPILL_FAILED', [parent, message], { cause: error })
  }

  async function makeDirectory(): Promise<string> {
    if (!cleaned.has(parent)) {
      cleaned.add(parent)
      await removeLeftovers(parent, fs)
    }
    made = await fs.makeDirectory(join(parent, `${PREFIX}${process.pid}-`))
    return made
  }

  function letGo(): void {
    countTempFile(-1)
    if (--files > 0) return
    const left = made
    making = undefined
    made = undefined
    if (left !== undefined) fs.removeDirectory(left)
  }

  return {
    place,
    failure,
    async open() {
      files++
      countTempFile(1)
      try {
        const directory = await (making ??= makeDirectory())
        const handle = await fs.open(join(directory, String(++number)))
        return {
          ...handle,
          close() {
            try {
              handle.close()
            } finally {
              letGo()
            }
          },
        }
      } catch (error) {
        letGo()
        throw failure(error)
      }
    },
  }
}

/** Directories of processes that were killed. What cannot be removed stays: it may belong to another user. */
async function removeLeftovers(parent: string, fs: SpillFs): Promise<void> {
  const names = await fs.list(parent)
  for (const name of names) {
    const pid = /^ballista-spill-(\d+)-/.exec(name)?.[1]
    if (pid === undefined || fs.isRunning(Number(pid))) continue
    try {
      fs.removeDirectory(join(parent, name))
    } catch {
      continue
    }
  }
}
