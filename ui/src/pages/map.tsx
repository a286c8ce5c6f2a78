import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'map' });
  return (
    <div className="page">
      <h1 className="ti">map</h1>
    </div>
  );
}
