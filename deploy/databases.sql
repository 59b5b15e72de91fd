-- Run once by the image of Postgres, on an empty volume: a role and a database for each half, with the password that
-- stands in the half's address. Neither can reach the other's.
\set ON_ERROR_STOP on
\set platform `sed -E 's|.*//[^:]*:([^@]*)@.*|\1|' /run/secrets/platform_database`
\set bridge `sed -E 's|.*//[^:]*:([^@]*)@.*|\1|' /run/secrets/bridge_database`
CREATE ROLE platform LOGIN PASSWORD :'platform';
CREATE ROLE bridge LOGIN PASSWORD :'bridge';
CREATE DATABASE platform OWNER platform ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE bridge OWNER bridge ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE platform, bridge FROM PUBLIC;
