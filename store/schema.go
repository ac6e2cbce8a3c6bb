package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

const (
	// schemaTable is where goose records which migrations were applied.
	schemaTable = "bellhop_schema"
	// migrateTimeout bounds a migration, with the wait for another one.
	migrateTimeout = 10 * time.Minute
	// schemaEra is how many versions of the schema belong together: programs that are
	// made for one of 1 to 99 work on all later ones of these, because their
	// migrations only add. One that takes something away begins the next hundred,
	// once no program that is still supported needs it.
	schemaEra = 100
)

// Migrate brings the schema up to date, and begins the first epoch. Of several
// programs that call it at once one does the work while the others wait. A
// schema that is newer than this program is left alone. ErrSchema: it is of a later era.
func (d *DB) Migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	db, unlock, err := d.migrator(ctx)
	if err != nil {
		return d.dialect.failed("lock the schema", err)
	}
	if err := errors.Join(d.migrate(ctx, db), unlock()); err != nil {
		return err
	}
	_, err = d.CheckIdentity(ctx)
	return err
}

func (d *DB) migrate(ctx context.Context, db *sql.DB) error {
	folder, err := fs.Sub(migrations, d.dialect.folder)
	if err != nil {
		return err
	}
	if err := d.checkSchema(ctx, d.primary); err == nil || errors.Is(err, errNewer) {
		return err
	}
	p, err := goose.NewProvider(goose.Dialect(d.dialect.goose), db, folder,
		goose.WithTableName(schemaTable), goose.WithDisableGlobalRegistry(true), goose.WithSlog(d.log))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return d.dialect.failed("migrate", err)
	}
	return nil
}

// CheckSchema fails with ErrSchema if the schema is older than this program, of a
// later era, or not there at all. It asks the primary or, while that one is away,
// a replica.
func (d *DB) CheckSchema(ctx context.Context) error {
	err := d.checkSchema(ctx, d.reader)
	if err == nil || !primaryAway(ctx, err) || errors.Is(err, ErrSchema) {
		return err
	}
	if d.replicas.each(ctx, d.checkSchema) == nil {
		return nil
	}
	return err
}

// errNewer is an ErrSchema that no migration can mend.
var errNewer = fmt.Errorf("%w: it is newer than this program", ErrSchema)

func (d *DB) checkSchema(ctx context.Context, s *server) error {
	target, err := d.dialect.schemaTarget()
	if err != nil {
		return err
	}
	var versions []int64
	if err := d.read(ctx, s, "read the version of the schema", &versions,
		"SELECT COALESCE(MAX(version_id), 0) FROM "+schemaTable+" WHERE is_applied = 1"); err != nil {
		return err
	}
	switch version := versions[0]; {
	case version/schemaEra > target/schemaEra:
		return fmt.Errorf("%w: version %d, not %d", errNewer, version, target)
	case version < target:
		return fmt.Errorf("%w: version %d, not %d: it must be migrated", ErrSchema, version, target)
	}
	return nil
}

// schemaTarget is the version of the newest migration.
func (d *dialect) schemaTarget() (int64, error) {
	files, err := fs.Glob(migrations, d.folder+"/*.sql") // in the order of their names, which begin with five digits
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(files[len(files)-1])
}
