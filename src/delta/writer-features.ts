/** What Delta tables ask of their writers, and what we answer. */
import { fail } from '../index.js'
import type { Snapshot } from './snapshot.js'

/** Features that bind writers to nothing, as long as nothing in the table uses them. */
const WRITER_FEATURES: ReadonlySet<string> = new Set([
  'allowColumnDefaults',
  'appendOnly',
  'changeDataFeed',
  'checkConstraints',
  'columnMapping',
  'deletionVectors',
  'generatedColumns',
  'identityColumns',
  'invariants',
  'timestampNtz',
  'typeWidening',
  'v2Checkpoint',
  'vacuumProtocolCheck',
])

/** Versions up to 6 stand for lists of the features above; in version 7 they are named. */
const MAX_VERSION = 7

/** Metadata of columns by which values are made or checked. */
const BINDING_METADATA: Readonly<Record<string, string>> = {
  'delta.generationExpression': 'generated columns',
  'delta.identity.start': 'identity columns',
  'delta.invariants': 'column invariants',
}

/** Throws NOT_SUPPORTED that names what the table asks for beyond what we do. */
export function checkWritable({ metaData, protocol }: Snapshot): void {
  const { minWriterVersion, writerFeatures } = protocol
  const unknown = (writerFeatures ?? []).filter(feature => !WRITER_FEATURES.has(feature))
  if (minWriterVersion > MAX_VERSION) throw refused(`for writers of version ${minWriterVersion}`)
  if (unknown.length > 0) throw refused(`with the feature ${unknown.join(', ')}`)
  const { configuration, schemaString } = metaData
  const mapping = configuration['delta.columnMapping.mode'] ?? 'none'
  if (mapping !== 'none') throw refused('with column mapping')
  if (Object.keys(configuration).some(key => key.startsWith('delta.constraints.')))
    throw refused('with CHECK constraints')
  const { fields } = JSON.parse(schemaString) as {
    readonly fields: readonly { readonly metadata?: Readonly<Record<string, unknown>> }[]
  }
  for (const key of fields.flatMap(({ metadata = {} }) => Object.keys(metadata))) {
    if (Object.hasOwn(BINDING_METADATA, key)) throw refused(`with ${BINDING_METADATA[key]}`)
  }
}

const refused = (what: string): Error => fail('NOT_SUPPORTED', [`writing to a Delta table ${what}`])
