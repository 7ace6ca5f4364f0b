#!/bin/sh
# Makes Landfall's own role and database, once, when the server's data is new: the role is no superuser.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --quiet --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set password `cat /run/secrets/database_password`
-- It makes landfall_readonly, the role of the dashboards: see landfall migrate --readonly-role.
CREATE ROLE landfall LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE landfall OWNER landfall;
REVOKE TEMPORARY ON DATABASE landfall FROM PUBLIC;
SQL
