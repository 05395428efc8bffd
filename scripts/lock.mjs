/** A lock among the processes of one machine. It outlives no holder: who was killed has released it. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A claim that is not touched for so long, as seen by one who waits, is abandoned: its number now is another process's. */
const ABANDONED_MS = 60_000
const TOUCH_MS = 1_000
const POLL_MS = 200

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

/**
 * Runs `action` alone among all that use the same directory, which holds one claim (a file) for each. `action` gets a function to
 * call with the process id of every child: the lock is held until they have ended too, even if their parent is killed.
 */
export async function locked(directory, action) {
  const claim = await acquire(directory)
  const touch = setInterval(() => utimesSync(claim, new Date(), new Date()), TOUCH_MS)
  try {
    return await action(child => writeFileSync(claim, `${child}\n`, { flag: 'a' }))
  } finally {
    clearInterval(touch)
    release(directory, claim)
  }
}

/**
 * Claims first, then looks for others: of two that claim at the same moment at least one sees the other and steps back. So no two
 * hold it, and nobody has to take an abandoned lock away from somebody else.
 */
async function acquire(directory) {
  const seen = new Map()
  const claim = join(directory, `${process.pid}-${randomUUID()}`)
  for (; ; await sleep(POLL_MS * (1 + Math.random()))) {
    if (others(directory, claim, seen)) continue
    try {
      mkdirSync(directory, { recursive: true })
      writeFileSync(claim, '', { flag: 'wx' })
    } catch (error) {
      // The last holder has just removed the directory.
      if (error.code === 'ENOENT') continue
      throw error
    }
    if (!others(directory, claim, seen)) return claim
    release(directory, claim)
  }
}

function release(directory, claim) {
  rmSync(claim, { force: true })
  try {
    rmdirSync(directory)
  } catch {
    // Others wait.
  }
}

/** Whether another claim is alive; dead ones are removed. `seen` remembers when each was last touched. */
function others(directory, own, seen) {
  let found = false
  for (const name of list(directory)) {
    const claim = join(directory, name)
    if (claim === own) continue
    if (isAlive(claim, Number.parseInt(name, 10), seen)) found = true
    else rmSync(claim, { force: true })
  }
  return found
}

function list(directory) {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

function isAlive(claim, holder, seen) {
  const touched = statSync(claim, { throwIfNoEntry: false })?.mtimeMs
  if (touched === undefined) return false
  if (seen.get(claim)?.touched !== touched) seen.set(claim, { touched, since: performance.now() })
  if (performance.now() - seen.get(claim).since > ABANDONED_MS) return false
  return [holder, ...children(claim)].some(isRunning)
}

function children(claim) {
  try {
    return readFileSync(claim, 'utf8').split('\n').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
