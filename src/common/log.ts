/** Log lines for people who run servers: one line an event, fields as `key=value`. */
import type { Clock } from './clock.js'

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

export interface Logger {
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
}

/** `write` receives whole lines (with their newline) of `level` and above. */
export function createLogger(options: { level: LogLevel; clock: Clock; write: (line: string) => void }): Logger {
  const limit = LOG_LEVELS.indexOf(options.level)
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(level) > limit) return
      const time = new Date(options.clock.wallMs()).toISOString()
      options.write(`${time} ${level.toUpperCase().padEnd(5)} ${message}${fieldsText(fields)}\n`)
    }
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

const fieldsText = (fields: LogFields): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${/[\s"]/.test(String(value)) ? JSON.stringify(value) : value}`)
    .join('')
