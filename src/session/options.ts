/** Every configuration key, and how SET, RESET and SHOW use them. */
import { didYouMean, fail, type Span } from '../common/errors.js'
import { int, text, type Option, type Settings } from '../common/option.js'
import {
  clientIdleTimeout,
  exchangeReadBytes,
  exchangeWriteBytes,
  jobName,
  materialize,
  reconnectGrace,
  reconnectMs,
  retryPolicy,
} from '../exchange/options.js'
import { batchSize, maxTempDirectorySize, memoryLimit, minPartitionBytes, tempDirectory } from '../runtime/options.js'
import { STORAGE_OPTIONS } from '../storage/options.js'

/** Plans grow with partitions, exchanges with their square. */
export const MAX_PARTITIONS = 20_000

export const targetPartitions = int('ballista.execution.target_partitions', {
  default: 0,
  min: 0,
  max: MAX_PARTITIONS,
  doc: 'Partitions that scans, joins and aggregates aim for; 0: as many as there are task slots.',
})

export const idempotencyKey = text('ballista.write.idempotency_key', {
  default: '',
  doc: 'Writes to one target with the same key, within a day, are one: those after the first give its result and write nothing.',
})

/** Settings of whoever runs tasks, with the flags that set them. */
const FIXED: ReadonlyMap<string, string> = new Map([
  [memoryLimit.key, 'ballista sql -m, ballista executor -m'],
  [tempDirectory.key, 'ballista sql --set, ballista executor --work-dir'],
  [maxTempDirectorySize.key, 'ballista sql --set'],
])

/** In the order in which they are listed. */
export const OPTIONS: readonly Option<unknown>[] = [
  batchSize,
  targetPartitions,
  minPartitionBytes,
  exchangeReadBytes,
  exchangeWriteBytes,
  retryPolicy,
  jobName,
  materialize,
  reconnectMs,
  clientIdleTimeout,
  reconnectGrace,
  idempotencyKey,
  memoryLimit,
  tempDirectory,
  maxTempDirectorySize,
  ...STORAGE_OPTIONS,
]

/** Keys of DataFusion mean the same key of ours. */
const canonicalKey = (key: string): string => key.toLowerCase().replace(/^datafusion\./, 'ballista.')

/** The full key of a setting whose value parses; INVALID_OPTION for unknown keys and wrong values. */
export function checkSetting(key: string, value: string | undefined, span?: Span): string {
  const canonical = canonicalKey(key)
  const option = OPTIONS.find(candidate => candidate.key === canonical)
  if (option === undefined) {
    const hint = didYouMean(
      canonical,
      OPTIONS.map(candidate => candidate.key),
    )
    throw fail('INVALID_OPTION', [key, `no such setting${hint}; SHOW ALL lists them`], { span })
  }
  if (value !== undefined) option.parse(value)
  return canonical
}

/** Settings by full key; INVALID_OPTION for unknown keys and wrong values. */
export const checkedSettings = (settings: Settings = {}): Settings =>
  Object.fromEntries(Object.entries(settings).map(([key, value]) => [checkSetting(key, value), value]))

/**
 * Settings that environment variables give: `BALLISTA_EXECUTION_BATCH_SIZE` (or `DATAFUSION_…`) is `ballista.execution.batch_size`.
 * Variables that are no setting are passed over; INVALID_OPTION for a wrong value.
 */
export function settingsFromEnv(env: Readonly<Record<string, string | undefined>> = process.env): Settings {
  const settings: Record<string, string> = {}
  for (const { key } of OPTIONS) {
    const name = key.replaceAll('.', '_').toUpperCase()
    const value = env[name] ?? env[name.replace(/^BALLISTA/, 'DATAFUSION')]
    if (value !== undefined) settings[checkSetting(key, value)] = value
  }
  return settings
}

/**
 * The key of a setting that may change while a session runs; INVALID_OPTION for the memory limit and the place of temporary files,
 * which whoever runs the tasks reads once: a session in this process (or its standalone cluster) when it is made, an executor when it
 * starts. (Nor may a client choose where an executor writes.)
 */
export function checkChange(key: string, span?: Span): string {
  const flags = FIXED.get(key)
  if (flags === undefined) return key
  const how = `it is fixed when a session is made or an executor starts; give it to ${flags}, or the settings of a new local or standalone session`
  throw fail('INVALID_OPTION', [key, how], { span })
}

/** The value of a setting as anybody may see it. */
export function shownValue({ key, defaultValue, isSecret }: Option<unknown>, settings: Settings): string {
  const value = settings[key] ?? String(defaultValue)
  return isSecret === true && value !== '' ? '***' : value
}

/** Name and value of one setting, or of all; secrets are masked. */
export function settingRows(settings: Settings, key?: string, span?: Span): [string, string][] {
  const wanted = key === undefined ? undefined : checkSetting(key, undefined, span)
  return OPTIONS.filter(option => wanted === undefined || option.key === wanted).map(option => [
    option.key,
    shownValue(option, settings),
  ])
}
