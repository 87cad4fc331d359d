#!/bin/sh
# Makes one database each for Paperplane and Kratos, with users of their own who cannot reach the other's. The image of
# PostgreSQL runs it once, when its volume is empty.
set -eu

create() {
	NAME=$1 PASSWORD=$2 psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<-'SQL'
		\getenv name NAME
		\getenv password PASSWORD
		CREATE ROLE :"name" LOGIN PASSWORD :'password';
		CREATE DATABASE :"name" OWNER :"name" TEMPLATE template0 ENCODING 'UTF8';
		REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
	SQL
}

create paperplane "$PAPERPLANE_PASSWORD"
create kratos "$KRATOS_PASSWORD"
