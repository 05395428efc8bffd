/** The log of a server process. */
import type { Clock } from '../common/clock.js'
import { createLogger, LOG_LEVELS, type Logger } from '../common/log.js'

const toStderr = (line: string): void => void process.stderr.write(line)

/** An unknown level is `info`. */
export function serverLogger(level: string, clock: Clock, write: (line: string) => void = toStderr): Logger {
  const known = LOG_LEVELS.find(name => name === level) ?? 'info'
  return createLogger({ level: known, clock, write })
}
