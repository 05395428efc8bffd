/** The log of a server process, on standard error. */
import type { Clock } from '../common/clock.js'
import { createLogger, LOG_LEVELS, type Logger } from '../common/log.js'

/** An unknown level is `info`. */
export function stderrLogger(level: string, clock: Clock): Logger {
  const known = LOG_LEVELS.find(name => name === level) ?? 'info'
  return createLogger({ level: known, clock, write: line => void process.stderr.write(line) })
}
